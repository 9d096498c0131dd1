"""What comes out: a finding, masked, and what could not be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final


class Kind(StrEnum):
    """What was found."""

    PAN = "pan"
    SECURITY_CODE = "security_code"
    TRACK = "track"


LEAST_CONFIDENCE: Final = 0.5
"""What is less likely than not is not reported."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where card data lies.

    ``path``: the file, with ``!`` before a name inside an archive, a mail or a document; the table
    for a database. One of ``line`` (from 1), ``offset`` (bytes) and ``cell`` (such as ``Sheet1!B3``
    or ``members.pan[17]``) says where. ``masked``: first six and last four at most; a security code
    is masked whole. ``beside``: what else stands next to a number (``expiry``, ``security_code``).
    ``span``: bytes in the file, for the redaction; never written out.
    """

    path: str
    kind: Kind
    brand: str | None
    masked: str
    confidence: float
    line: int | None = None
    offset: int | None = None
    cell: str | None = None
    beside: tuple[str, ...] = ()
    span: tuple[int, int] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the published shape (docs/reference/discover.md)."""
        place: dict[str, Any] = {"path": self.path, "kind": self.kind.value, "brand": self.brand}
        place["masked"] = self.masked
        for name in ("line", "offset", "cell"):
            if (value := getattr(self, name)) is not None:
                place[name] = value
        place["confidence"] = self.confidence
        if self.beside:
            place["beside"] = list(self.beside)
        return place

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Finding:
        """Read what `as_json` wrote."""
        return cls(
            value["path"], Kind(value["kind"]), value["brand"], value["masked"],
            value["confidence"], value.get("line"), value.get("offset"), value.get("cell"),
            tuple(value.get("beside", ())),
        )  # fmt: skip

    @property
    def place(self) -> str:
        """Where in the path, in a few characters."""
        if self.cell is not None:
            return self.cell
        return f"line {self.line}" if self.line is not None else f"byte {self.offset}"

    @property
    def fingerprint(self) -> str:
        """A hash of what is shown anyway: path, kind, mask.

        Never of the number: with six digits known, a hash of a card number is guessed back in a
        minute. Line numbers stay out, so that a line added above changes nothing.
        """
        shown = "\0".join((self.path, self.kind.value, self.brand or "", self.masked))
        return hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class NotRead:
    """Something that could not be looked into, or not wholly, and why."""

    path: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """Return the published shape."""
        return {"path": self.path, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class TestNumber:
    """A number that networks and processors publish for testing: counted, not a finding."""

    path: str


Report = Finding | NotRead | TestNumber
