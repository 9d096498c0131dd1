"""Where in the private fields a network puts what matters, as data; everything else stays opaque.

The layouts of fields 44, 48 and 60 to 63 are each network's own and under its licence, so none is
shipped: an installation writes down the few places that it needs. Only the value at such a place
is read, looked up in the table of meanings, and the field itself goes no further.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sekisho.domain.errors import BadInput

ECI: Final = "eci"
SECURITY_CODE: Final = "code_result"
INITIATOR: Final = "initiator"
MEANINGS: Final = (ECI, SECURITY_CODE, INITIATOR)


@dataclass(frozen=True, slots=True)
class Place:
    """One place in one private field.

    ``what``: one of `MEANINGS`. ``layout``: ``position`` (``start`` and ``length`` in characters)
    or ``tag`` (a row of tag, length and value; ``tag`` is the one meant, ``start`` and ``length``
    cut inside its value, 0 meaning all). ``values``: what the network writes to what Sekisho says;
    empty: as it stands.
    """

    what: str
    field: int
    layout: str
    start: int = 0
    length: int = 0
    tag: str = ""
    length_digits: int = 2
    values: Mapping[str, str] | None = None


def found(places: tuple[Place, ...], fields: Mapping[int, str]) -> dict[str, str]:
    """What stands at each place, by its meaning; a place that is not there says nothing."""
    told: dict[str, str] = {}
    for place in places:
        content = fields.get(place.field)
        if not content:
            continue
        value = LAYOUTS[place.layout](place, content).strip()
        if place.values is not None:
            value = place.values.get(value, "")
        if value and place.what not in told:
            told[place.what] = value
    return told


def _at_position(place: Place, content: str) -> str:
    end = place.start + place.length if place.length else len(content)
    return content[place.start : end]


def _at_tag(place: Place, content: str) -> str:
    at, wide = 0, len(place.tag)
    while at + wide + place.length_digits <= len(content):
        begin = at + wide + place.length_digits
        told = content[at + wide : begin]
        if not told.isdecimal():
            return ""
        end = begin + int(told)
        if end > len(content):
            return ""
        if content[at : at + wide] == place.tag:
            return _at_position(place, content[begin:end])
        at = end
    return ""


LAYOUTS: Final[Mapping[str, Callable[[Place, str], str]]] = {
    "position": _at_position,
    "tag": _at_tag,
}
"""How a private field can be laid out; a network with another way gets a row here."""


def check(where: str, place: Place) -> None:
    """BadInput that names the setting which cannot be meant."""
    if place.what not in MEANINGS:
        raise BadInput(f"{where}: what is none of {', '.join(MEANINGS)}")
    if place.layout not in LAYOUTS:
        raise BadInput(f"{where}: layout is none of {', '.join(sorted(LAYOUTS))}")
    if place.layout == "position" and place.length < 1:
        raise BadInput(f"{where}: a position needs a length")
    if place.layout == "tag" and not place.tag:
        raise BadInput(f"{where}: which tag?")
    if place.start < 0 or place.length < 0 or not 1 <= place.length_digits <= 3:
        raise BadInput(f"{where}: start, length or length_digits is out of range")
    if place.what == SECURITY_CODE and not place.values:
        # Read without a table, a code itself could pass for the result of its check.
        raise BadInput(f"{where}: {SECURITY_CODE} needs values", hint='values = { M = "match" }')
    if place.what == SECURITY_CODE and not set((place.values or {}).values()) <= _RESULTS:
        raise BadInput(f"{where}: {SECURITY_CODE} is one of {', '.join(sorted(_RESULTS))}")


_RESULTS: Final = frozenset({"match", "no_match", "absent"})
