"""What was found before and accepted: a file of fingerprints, never of numbers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sekisho.discovery.finding import Finding
from sekisho.domain.errors import BadInput

SCHEMA: Final = "sekisho.discover.baseline/1"


def fingerprint(finding: Finding, root: Path) -> str:
    """A finding's fingerprint, its path taken from ``root``, so that a checkout may move."""
    return replace(finding, path=_relative(finding.path, root)).fingerprint


def read_baseline(path: Path) -> Counter[str]:
    """Return how many findings of each fingerprint are accepted; raises BadInput."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["schema"] != SCHEMA:
            raise BadInput(f"{path} is a baseline of another version.", hint=f"Expected {SCHEMA}.")
        return Counter({one["fingerprint"]: int(one["count"]) for one in value["accepted"]})
    except OSError as error:
        raise BadInput(
            f"The baseline {path} cannot be read: {error.strerror}.",
            hint="Make it with: sekisho discover PATHS... --baseline FILE --accept",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path} is not a baseline.", hint="Make it anew with --accept.") from None


def baseline_text(findings: Iterable[Finding], root: Path) -> str:
    """Return the baseline that accepts ``findings``, to be written beside what it speaks of."""
    counts: Counter[str] = Counter()
    about: dict[str, dict[str, Any]] = {}
    for finding in findings:
        key = fingerprint(finding, root)
        counts[key] += 1
        about[key] = {"path": _relative(finding.path, root), "kind": finding.kind.value}
    accepted = [
        {"fingerprint": key, "count": counts[key], **about[key], "reason": ""}
        for key in sorted(counts, key=lambda key: (about[key]["path"], key))
    ]
    value = {"schema": SCHEMA, "accepted": accepted}
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def not_accepted(findings: list[Finding], accepted: Counter[str], root: Path) -> list[Finding]:
    """Return the findings beyond those accepted: a third one where two are accepted stays."""
    left = Counter(accepted)
    kept = []
    for finding in findings:
        key = fingerprint(finding, root)
        if left[key] > 0:
            left[key] -= 1
        else:
            kept.append(finding)
    return kept


def _relative(path: str, root: Path) -> str:
    file, mark, inside = path.partition("!")
    try:
        shown = Path(file).resolve().relative_to(root.resolve()).as_posix()
    except (ValueError, OSError):
        return path
    return shown + mark + inside
