"""Findings as SARIF 2.1.0 (OASIS standard, 2020-03-27), for code hosts and editors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sekisho.discovery.baseline import fingerprint
from sekisho.discovery.finding import Finding, Kind, NotRead

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_RULES: Final = {
    Kind.PAN: ("CardNumber", "A card number is stored in clear (PCI DSS 4.0.1 req. 3.5.1)."),
    Kind.SECURITY_CODE: (
        "SecurityCode", "A card's security code is stored (PCI DSS 4.0.1 req. 3.3.1.2).",
    ),
    Kind.TRACK: ("TrackData", "Data of a magnetic stripe is stored (PCI DSS 4.0.1 req. 3.3.1.1)."),
}  # fmt: skip
_ERROR: Final = 0.8


def sarif(
    findings: Iterable[Finding], not_read: Iterable[NotRead], version: str, root: Path
) -> dict[str, Any]:
    """Return the log of one run; paths are relative to ``root`` where they lie in it."""
    rules = [
        {"id": kind.value, "name": name, "shortDescription": {"text": text}}
        for kind, (name, text) in _RULES.items()
    ]
    notes = [
        {"level": "warning", "message": {"text": f"Not read: {one.path}: {one.reason}"}}
        for one in not_read
    ]
    driver = {"name": "sekisho discover", "version": version, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "results": [_result(one, root) for one in findings],
        "columnKind": "unicodeCodePoints",
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(finding: Finding, root: Path) -> dict[str, Any]:
    what = f"{finding.brand} {finding.masked}" if finding.brand else finding.masked
    file, _, inside = finding.path.partition("!")
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(file, root)}}
    if not inside and finding.line is not None:
        physical["region"] = {"startLine": finding.line}
    elif not inside and finding.offset is not None:
        physical["region"] = {"byteOffset": finding.offset}
    location: dict[str, Any] = {"physicalLocation": physical}
    if inside or finding.cell:
        name = " ".join(filter(None, (inside, finding.place)))
        location["logicalLocations"] = [{"fullyQualifiedName": name}]
    return {
        "ruleId": finding.kind.value,
        "level": "error" if finding.confidence >= _ERROR else "warning",
        "message": {"text": f"{_RULES[finding.kind][1]} {what}, at {finding.place}."},
        "locations": [location],
        "partialFingerprints": {"sekishoDiscover/v1": fingerprint(finding, root)},
        "rank": round(finding.confidence * 100, 1),
    }


def _uri(path: str, root: Path) -> str:
    if "://" in path:
        return path
    try:
        return quote(Path(path).resolve().relative_to(root.resolve()).as_posix())
    except ValueError:
        return Path(path).resolve().as_uri()
