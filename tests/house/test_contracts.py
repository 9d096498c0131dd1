"""Imports point down, nothing lies about unused, and the product needs only what it names."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

# Words that stand before the code that speaks them: empty this as their users land.
AWAITED_MODULES = {"sekisho.domain.finding", "sekisho.domain.progress"}


def test_import_contracts_hold(root: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def module_name(source: Path, src: Path) -> str:
    parts = source.relative_to(src).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(source: Path) -> set[str]:
    """Modules (and names in them, which may be modules) that a file imports, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def unused_modules(src: Path, others: list[Path]) -> set[str]:
    """Modules under ``src`` that nobody imports: not packages, not commands, not the entry."""
    sources = [
        path for path in src.rglob("*.py") if path.name not in ("__init__.py", "__main__.py")
    ]
    modules = {module_name(path, src) for path in sources}
    loaded = (".app.commands.", ".store.migrations.")
    entries = {
        name for name in modules if any(one in name for one in loaded) or name.endswith(".app.cli")
    }
    importers = [*src.rglob("*.py"), *others]
    used = set().union(*(imported_names(path) for path in importers)) if importers else set()
    return modules - entries - used


def test_every_module_is_imported_or_a_command(root: Path) -> None:
    others = [*(root / "benchmarks").rglob("*.py"), *(root / "tools").rglob("*.py")]
    assert unused_modules(root / "src", others) <= AWAITED_MODULES


def test_an_unused_module_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "thing"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "used.py").write_text("")
    (package / "idle.py").write_text("from thing import used\n")
    assert unused_modules(tmp_path, []) == {"thing.idle"}


def core_distributions(root: Path) -> set[str]:
    """The project's runtime dependencies and theirs, as normalised names."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [requirement_name(line) for line in project["dependencies"]]
    core: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in core:
            continue
        core.add(name)
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform
        waiting += [requirement_name(line) for line in needs if "extra ==" not in line]
    return core


def requirement_name(line: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", line)
    assert found is not None, line
    return re.sub(r"[-_.]+", "-", found.group()).lower()


IMPORT_ALL = """
import importlib, json, pkgutil, sys

blocked = set(json.loads(sys.argv[1]))

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is not part of the core", name=name)

sys.meta_path.insert(0, Absent())
import sekisho
for module in pkgutil.walk_packages(sekisho.__path__, "sekisho."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def test_the_package_imports_with_its_core_alone(root: Path) -> None:
    core = core_distributions(root)
    owners = importlib.metadata.packages_distributions()
    blocked = [
        module
        for module, names in owners.items()
        if not {requirement_name(name) for name in names} & (core | {"sekisho"})
    ]
    assert {"pytest", "sqlglot", "playwright", "hypothesis"} <= set(blocked)
    command = [sys.executable, "-c", IMPORT_ALL, json.dumps(blocked)]
    done = subprocess.run(command, cwd=root / "src", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
