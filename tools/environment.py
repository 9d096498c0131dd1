"""Make the environment that the Makefile works in: ``install``, ``lock`` and ``browser``.

Standard library only: it runs before anything is installed. Package addresses are never written
down here: pip knows them from the machine's own configuration, and uv is told what pip knows.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
OLDEST = (3, 11)

# pip's setting -> the variable that says the same to uv
SAME_SETTING = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
# A setting made for uv itself, in any of its spellings, wins over pip's.
OWN_SETTING = {
    "index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "extra-index-url": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "find-links": ("UV_FIND_LINKS",),
    "cert": ("SSL_CERT_FILE",),
    "proxy": ("ALL_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy"),
}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> int:
    """Run one of the three jobs; the exit code is 0 when it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    install_job = jobs.add_parser("install", help="make the virtual environment")
    install_job.add_argument("venv", type=Path)
    lock_job = jobs.add_parser("lock", help="write requirements.lock")
    lock_job.add_argument("--upgrade", action="store_true")
    jobs.add_parser("browser", help="see to a browser for the browser tests")
    arguments = parser.parse_args()
    if sys.version_info < OLDEST:
        return fail(f"Sekisho needs Python 3.11 or later; this is {sys.version.split()[0]}.")
    if arguments.job == "install":
        return install(arguments.venv.absolute())
    if arguments.job == "lock":
        return lock(upgrade=arguments.upgrade)
    return browser()


def say(text: str) -> None:
    """One line for the person who waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fail(text: str) -> int:
    """One line about what went wrong, and the exit code for it."""
    sys.stderr.write(text + "\n")
    return 1


def succeeds(command: list[str], environment: Mapping[str, str] | None = None) -> bool:
    """Run ``command`` in the repository without input; whether it ended well."""
    done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False)
    return done.returncode == 0


# ---------------------------------------------------------------- install


def install(venv: Path) -> int:
    """Make ``venv`` hold exactly what the lock says, and Sekisho itself, editable."""
    say(f"Installing the locked packages into {venv.name} (once; takes a minute) ...")
    python = venv / "bin" / "python"
    if not make_venv(venv):
        return 1
    if not install_locked(python):
        return fail("The locked packages could not be installed: see the messages above.")
    # --no-build-isolation: the build backend comes from the lock too, not from a fresh download.
    project = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    if not succeeds([*project, "--editable", "."]):
        return fail("Sekisho itself could not be installed: see the messages above.")
    say("Installed.")
    return 0


def make_venv(venv: Path) -> bool:
    """A virtual environment with pip; some systems ship Python without one of the two."""
    if (venv / "bin" / "python").exists() and has_pip(venv):
        return True
    with_pip = importlib.util.find_spec("ensurepip") is not None
    options = ["--clear"] if with_pip else ["--clear", "--without-pip"]
    if importlib.util.find_spec("venv") is None or not succeeds(
        [sys.executable, "-m", "venv", *options, str(venv)]
    ):
        fail("Python's venv module does not work here; on Debian: apt-get install python3-venv")
        return False
    if has_pip(venv):
        return True
    # The system's own pip can put a pip into the environment.
    command = [sys.executable, "-m", "pip", "--python", str(venv / "bin" / "python")]
    if succeeds([*command, "install", "--quiet", "pip"]) and has_pip(venv):
        return True
    fail("No pip was found to begin with; on Debian: apt-get install python3-venv python3-pip")
    return False


def has_pip(venv: Path) -> bool:
    """Whether the environment's own pip answers."""
    answer = subprocess.run(
        [str(venv / "bin" / "python"), "-m", "pip", "--version"], check=False, capture_output=True
    )
    return answer.returncode == 0


def install_locked(python: Path) -> bool:
    """Exactly the locked packages, by uv; by pip where uv cannot reach its index."""
    pip = [str(python), "-m", "pip"]
    hashed = ["--quiet", "--no-deps", "--require-hashes", "--requirement"]
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.lock.txt"
        only_uv.write_text(locked_block(LOCK.read_text(encoding="utf-8"), "uv"), encoding="utf-8")
        if not succeeds([*pip, "install", *hashed, str(only_uv)]):
            return False
    environment = uv_environment(pip_settings(python), os.environ)
    # uv leaves pip alone in an environment made by venv, and uv itself is in the lock.
    sync = ["pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(LOCK)]
    if succeeds([str(python.parent / "uv"), *sync], environment):
        return True
    say("uv could not install the packages; pip takes over (slower, same versions and hashes).")
    return succeeds([*pip, "install", *hashed, str(LOCK)])


def locked_block(lock_text: str, name: str) -> str:
    """The lines of one package in the lock: its version and all its hashes.

    Raises ValueError where the package is not in the lock.
    """
    found = re.search(rf"^{re.escape(name)}==(?:.*\\\n)+.*\n", lock_text, flags=re.MULTILINE)
    if found is None:
        raise ValueError(f"{name} is not in requirements.lock")
    return found.group()


def pip_settings(python: Path) -> dict[str, str]:
    """What pip's configuration files and environment say, by the name of the long option."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "config", "list"], check=False, capture_output=True, text=True
    )
    return read_pip_settings(listed.stdout)


def read_pip_settings(listing: str) -> dict[str, str]:
    """Read the lines of ``pip config list``: environment over ``install`` over ``global``."""
    rank = {"global": 0, "install": 1, ":env:": 2}
    best: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        found = re.fullmatch(r"(:env:|[a-z]+)\.([a-z-]+)=(.*)", line.strip())
        if found is None or found[1] not in rank:
            continue
        value = str(ast.literal_eval(found[3]))
        if rank[found[1]] >= best.get(found[2], (0, ""))[0]:
            best[found[2]] = (rank[found[1]], value)
    return {name: value for name, (_, value) in best.items()}


def uv_environment(settings: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` with pip's settings in uv's words; what uv was told itself wins."""
    told = dict(environment)
    told.setdefault("UV_SYSTEM_CERTS", "true")  # as pip does
    # As pip does: the best version of all indexes. Hashes guard against a swapped package.
    told.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    for name, variable in SAME_SETTING.items():
        if name in settings and not any(own in environment for own in OWN_SETTING[name]):
            told[variable] = " ".join(settings[name].split())
    if "UV_FIND_LINKS" in told and "UV_FIND_LINKS" not in environment:
        told["UV_FIND_LINKS"] = ",".join(told["UV_FIND_LINKS"].split())
    return told


# ---------------------------------------------------------------- lock


def lock(*, upgrade: bool) -> int:
    """Write requirements.lock for every platform, with hashes and without addresses."""
    python = Path(sys.executable)
    environment = uv_environment(pip_settings(python), os.environ)
    command = ["pip", "compile", "pyproject.toml", "--group", "dev", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"]
    command += ["--no-header", "--quiet", "--output-file", LOCK.name]
    if upgrade:
        command.append("--upgrade")
    if not succeeds([str(python.parent / "uv"), *command], environment):
        return fail("The lock was not written: see the messages above.")
    if "://" in LOCK.read_text(encoding="utf-8"):
        return fail("requirements.lock holds an address; a lock must fit every mirror.")
    say(f"{LOCK.name} is written.")
    return 0


# ---------------------------------------------------------------- browser


def browser() -> int:
    """See to a browser where that needs no questions; the tests that need one skip otherwise."""
    if any(shutil.which(name) for name in CHROMIUM):
        return 0
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        say("No Chromium here and no right to install one: the browser tests will be skipped.")
        return 0
    say("Installing Chromium for the browser tests ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    quiet = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    packages = ["--no-install-recommends", "chromium", "fonts-noto-cjk"]
    done = succeeds([*quiet, "update"], environment) and succeeds(
        [*quiet, "install", "--yes", *packages], environment
    )
    if not done:
        say("Chromium could not be installed: the browser tests will be skipped.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
