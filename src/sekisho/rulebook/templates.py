"""Dated texts of messages: loaded from TOML, chosen by day, filled whole or not at all.

One file holds one kind of message in one language::

    kind = "card_stopped"                # what the message is
    language = "ja"
    source = "..."                       # on what the wording rests
    [values]
    amount = "amount"                    # every value with its type (rulebook/values.py)
    [[version]]
    version = 1
    valid_from = 2026-11-01
    subject = "..."                      # of an e-mail or push; the title of a letter
    body = '''...'''                     # e-mail and letter
    short = "..."                        # SMS and push
    script = '''...'''                   # read out on the telephone

``{amount}`` stands for a value. In ``body`` a line that begins with ``# `` is a heading and one
with ``- `` an item. A version that was used is never edited: a new one with a later ``valid_from``
takes its place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from sekisho.domain.errors import BadInput
from sekisho.domain.message import Channel
from sekisho.rulebook.values import LANGUAGES, BadValue, Language, Style, ValueType, shown

STANDING: Final[Mapping[str, ValueType]] = {
    "sender": ValueType.NAME,
    "sender_phone": ValueType.PHONE,
    "sender_hours": ValueType.TEXT,
    "home_page": ValueType.HOME_PAGE,
    "number": ValueType.TEXT,
    "recipient": ValueType.NAME,
    "sent_on": ValueType.DATE,
}
"""Values that every message has: from the sender's settings, the list, and the message itself."""

TEXT_OF: Final[Mapping[Channel, str]] = {
    Channel.EMAIL: "body",
    Channel.LETTER: "body",
    Channel.SMS: "short",
    Channel.PUSH: "short",
    Channel.PHONE: "script",
}
_PLACE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_STRAY: Final = re.compile(r"[{}]")
_TEXTS: Final = ("subject", "body", "short", "script")
_FILE_KEYS: Final = {"kind", "language", "source", "values", "version"}
_VERSION_KEYS: Final = {"version", "valid_from", *_TEXTS}


@dataclass(frozen=True, slots=True)
class Template:
    """One version of the text of one kind of message in one language."""

    kind: str
    language: Language
    version: int
    valid_from: date
    source: str
    values: Mapping[str, ValueType]
    texts: Mapping[str, str]

    @property
    def name(self) -> str:
        """How a record names the very text: kind, language and version."""
        return f"{self.kind}.{self.language}@{self.version}"

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels that this template has a text for."""
        return tuple(channel for channel, text in TEXT_OF.items() if text in self.texts)

    def needed(self, channel: Channel) -> frozenset[str]:
        """The values that the text of ``channel`` names."""
        used = f"{self.texts['subject']}\n{self.texts.get(TEXT_OF[channel], '')}"
        return frozenset(_PLACE.findall(used))


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with every value in its place."""

    template: str
    language: Language
    channel: Channel
    subject: str
    body: str


class MissingValues(BadInput):
    """Values are missing or wrong: the message is not sent. `fields` names them with the reason."""

    code = "missing_values"

    def __init__(self, template: str, fields: Mapping[str, str]) -> None:
        told = "; ".join(f"{field} {reason}" for field, reason in fields.items())
        super().__init__(
            f"the message {template} is not written: {told}",
            hint="Fill in the column of that name, or choose another template.",
        )
        self.fields = dict(fields)


def fill(
    template: Template, channel: Channel, values: Mapping[str, str], *, era: bool = False
) -> Filled:
    """The text of ``template`` for ``channel`` with ``values`` in place.

    Raises `MissingValues` naming every value that is missing, empty or of another type, and
    ``BadInput`` where the template has no text for the channel.
    """
    if channel not in template.channels:
        raise BadInput(
            f"the template {template.name} has no text for {channel}",
            hint=f"It has texts for: {', '.join(template.channels)}.",
        )
    style = Style(template.language, era=era)
    texts: dict[str, str] = {}
    troubles: dict[str, str] = {}
    for field in sorted(template.needed(channel)):
        if not values.get(field, "").strip():
            troubles[field] = "is missing"
            continue
        try:
            texts[field] = shown(template.values[field], values[field], style)
        except BadValue as error:
            troubles[field] = str(error)
    if troubles:
        raise MissingValues(template.name, troubles)

    def put(text: str) -> str:
        return _PLACE.sub(lambda place: texts[place[1]], text)

    return Filled(
        template=template.name,
        language=template.language,
        channel=channel,
        subject=put(template.texts["subject"]),
        body=put(template.texts[TEXT_OF[channel]]).strip(),
    )


class Templates:
    """All texts, shipped and of this installation."""

    def __init__(self, templates: Iterable[Template]) -> None:
        self._all = sorted(templates, key=lambda one: (one.kind, one.language, one.valid_from))

    def __iter__(self) -> Any:
        return iter(self._all)

    def find(self, kind: str, language: Language, on: date) -> Template:
        """The version in force on the day ``on``; raises ``BadInput`` where there is none."""
        known = [one for one in self._all if (one.kind, one.language) == (kind, language)]
        if not known:
            kinds = sorted({one.kind for one in self._all})
            raise BadInput(
                f"there is no template {kind!r} in {language}",
                hint=f"There are: {', '.join(kinds)}.",
            )
        valid = [one for one in known if one.valid_from <= on]
        if not valid:
            raise BadInput(
                f"no version of {kind!r} is in force on {on}",
                hint=f"The first one is valid from {known[0].valid_from}.",
            )
        return valid[-1]


def shipped() -> Templates:
    """The texts that come with Sekisho."""
    return Templates(_read_folder(resources.files("sekisho.rulebook") / "data" / "messages"))


def load(folder: Path | None) -> Templates:
    """The shipped texts, and those in ``folder``, which take the place of the same kind."""
    if folder is None:
        return shipped()
    if not folder.is_dir():
        raise BadInput(f"the folder of templates {folder} is not there")
    own = _read_folder(folder)
    replaced = {(one.kind, one.language) for one in own}
    kept = [one for one in shipped() if (one.kind, one.language) not in replaced]
    return Templates([*kept, *own])


def _read_folder(folder: Traversable) -> list[Template]:
    found: list[Template] = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            found += _read_folder(entry)
        elif entry.name.endswith(".toml"):
            found += parse(entry.name, entry.read_bytes())
    return found


def parse(file: str, content: bytes) -> list[Template]:
    """The versions in one file; raises ``BadInput`` that names the file and the field."""
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"{file} is not TOML in UTF-8: {error}") from None
    _no_others(file, document, _FILE_KEYS)
    kind = _string(file, document, "kind")
    language = _string(file, document, "language")
    if language not in LANGUAGES:
        raise _bad(file, "language", f"is {language!r}; known: {', '.join(LANGUAGES)}")
    source = _string(file, document, "source")
    values = {**STANDING, **_types(file, document.get("values", {}))}
    versions = document.get("version")
    if not isinstance(versions, list) or not versions:
        raise _bad(file, "version", "has no entry: write [[version]]")
    made = []
    for place, entry in enumerate(versions, start=1):
        where = f"version[{place}]"
        number, valid_from, texts = _version(file, where, entry, values)
        one: Language = "ja" if language == "ja" else "en"
        made.append(Template(kind, one, number, valid_from, source, values, texts))
    if len({one.version for one in made}) < len(made):
        raise _bad(file, "version", "has the same number twice")
    if len({one.valid_from for one in made}) < len(made):
        raise _bad(file, "valid_from", "has the same day twice")
    return made


def _version(
    file: str, where: str, entry: object, values: Mapping[str, ValueType]
) -> tuple[int, date, dict[str, str]]:
    if not isinstance(entry, dict):
        raise _bad(file, where, "is not a table")
    _no_others(file, entry, _VERSION_KEYS, within=where)
    number, valid_from = entry.get("version"), entry.get("valid_from")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise _bad(file, f"{where}.version", "is not a number from 1")
    if not isinstance(valid_from, date):
        raise _bad(file, f"{where}.valid_from", "is not a date: write 2026-11-01 without quotes")
    texts = {name: _string(file, entry, name, where) for name in _TEXTS if name in entry}
    if "subject" not in texts or len(texts) == 1:
        raise _bad(file, where, "needs a subject and one of body, short, script")
    for name, text in texts.items():
        unknown = sorted(set(_PLACE.findall(text)) - set(values))
        if unknown:
            raise _bad(file, f"{where}.{name}", f"names {{{unknown[0]}}}, which has no type")
        if _STRAY.search(_PLACE.sub("", text)):
            raise _bad(file, f"{where}.{name}", "has a brace that is no {value}")
    return number, valid_from, texts


def _types(file: str, table: object) -> dict[str, ValueType]:
    if not isinstance(table, dict):
        raise _bad(file, "values", "is not a table")
    types = {}
    for name, kind in table.items():
        if name in STANDING:
            raise _bad(file, f"values.{name}", "is a standing value and needs no type")
        if kind not in set(ValueType):
            raise _bad(file, f"values.{name}", f"has no known type; known: {', '.join(ValueType)}")
        types[name] = ValueType(kind)
    return types


def _string(file: str, table: Mapping[str, Any], name: str, within: str = "") -> str:
    value = table.get(name)
    where = f"{within}.{name}" if within else name
    if not isinstance(value, str) or not value.strip():
        raise _bad(file, where, "is missing or no text")
    return value


def _no_others(file: str, table: Mapping[str, Any], known: set[str], within: str = "") -> None:
    others = sorted(set(table) - known)
    if others:
        where = f"{within}.{others[0]}" if within else others[0]
        raise _bad(file, where, f"is not known; known: {', '.join(sorted(known))}")


def _bad(file: str, field: str, what: str) -> BadInput:
    return BadInput(f"{file}: {field} {what}", hint="The form: docs/reference/messages.md")
