"""List and run the benchmarks: ``python -m benchmarks [--list] [NAME ...] [-- OPTIONS]``.

A benchmark is a module of this folder with ``run(argv: list[str]) -> int | None``; without a name
all of them run, one after the other. What follows ``--`` is handed to each.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType

import benchmarks

Run = Callable[[list[str]], int | None]


def main(argv: list[str]) -> int:
    """Run what was asked for; the exit code is 1 where a benchmark misses its bound."""
    ours, theirs = split_at_dashes(argv)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of them, if none is named")
    parser.add_argument("--list", action="store_true", help="list the benchmarks and end")
    arguments = parser.parse_args(ours)
    known = find(benchmarks)
    if not known:
        print("There are no benchmarks here yet.")
    if arguments.list:
        for name, module in known.items():
            print(f"  {name:<20} {(module.__doc__ or '').strip().splitlines()[0]}")
        return 0
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; known: {', '.join(known)}")
    failed = [
        name for name in arguments.names or known if not run_one(name, known[name].run, theirs)
    ]
    for name in failed:
        print(f"benchmark {name} missed its bound or ended with an error", file=sys.stderr)
    return 1 if failed else 0


def split_at_dashes(argv: list[str]) -> tuple[list[str], list[str]]:
    """What stands before and after the first ``--``."""
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at + 1 :]


def find(package: ModuleType) -> dict[str, ModuleType]:
    """The modules of ``package`` that have a ``run``, by name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = {
        name: importlib.import_module(f"{package.__name__}.{name}")
        for name in names
        if not name.startswith("_")
    }
    return {name: module for name, module in modules.items() if hasattr(module, "run")}


def run_one(name: str, run: Run, argv: list[str]) -> bool:
    """Run one benchmark under a heading; whether it ended well."""
    print(f"== {name}", flush=True)
    return not run(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
