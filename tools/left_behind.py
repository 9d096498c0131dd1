"""Look for card data in all that the tests left on disk and in logs: the end of ``make test``.

``python tools/left_behind.py FOLDER``: runs the product's own search over the folder. What tests
plant on purpose is listed in tests/planted.toml by path, each with its reason; anything else that
is found fails. Files that cannot be read are counted: tests make broken ones by the dozen.
"""

from __future__ import annotations

import io
import sys
import tomllib
from pathlib import Path
from typing import Any

from sekisho.discovery.run import Settings, run
from sekisho.domain.progress import Silent

ROOT = Path(__file__).resolve().parent.parent
PLANTED = ROOT / "tests" / "planted.toml"


def main(argv: list[str]) -> int:
    """Search the folder; 1 where something is found that nobody planted."""
    folder = Path(argv[0])
    if not folder.is_dir():
        print(f"{folder} is not there: the tests left nothing to look at", file=sys.stderr)
        return 1
    outcome = run([str(folder)], Settings(), Silent(), io.BytesIO())
    report = {
        "findings": [one.as_json() for one in outcome.findings],
        "not_read": [one.as_json() for one in outcome.not_read],
    }
    planted = tomllib.loads(PLANTED.read_text(encoding="utf-8"))["planted"]
    troubles = left_behind(report, folder, planted)
    for trouble in troubles[:50]:
        print(trouble, file=sys.stderr)
    if troubles:
        print(
            f"{len(troubles)} places with card data were left behind by the tests. "
            "If a test planted it on purpose, list the path in tests/planted.toml with a reason.",
            file=sys.stderr,
        )
        return 1
    unread = len(report["not_read"])
    print(f"No card data was left behind by the tests ({unread} broken files of theirs not read).")
    return 0


def left_behind(report: dict[str, Any], folder: Path, planted: list[dict[str, str]]) -> list[str]:
    """One line for each place in the report that ``planted`` does not explain."""
    troubles: dict[str, str] = {}
    for one in report["findings"]:
        if not explained(one["path"], folder, planted):
            where = one.get("cell") or one.get("line") or one.get("offset")
            troubles[one["path"]] = f"{one['path']}: {one['kind']} {one['masked']} at {where}"
    return sorted(troubles.values())


def explained(path: str, folder: Path, rows: list[dict[str, str]]) -> bool:
    """Whether a row of the list covers ``path``: the folder of the test, then the file's name."""
    inside = Path(path.partition("!")[0]).relative_to(folder)
    return any(inside.match(row["path"]) for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
