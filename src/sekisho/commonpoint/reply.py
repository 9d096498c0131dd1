"""The answer to an inquiry: the form that goes out, and what comes back checked against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sekisho.domain.errors import BadInput

SCHEMA: Final = "sekisho.inquiry-answer/1"
LONGEST_TEXT: Final = 20_000
HEAD: Final = ("schema", "inquiry_id", "entity_kind", "entity_id")
HELP: Final = "help"

Document = dict[str, Any]


class Kind(StrEnum):
    """How a field is filled in."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    DATE = "date"
    COUNT = "count"
    CHOICE = "choice"
    CHOICES = "choices"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form."""

    key: str
    kind: Kind
    choices: tuple[str, ...] = ()
    required: bool = False


CONCLUSIONS: Final = (
    "under_investigation",
    "leak_confirmed",
    "leak_suspected",
    "nothing_found",
    "already_known",
    "not_ours",
)
DATA: Final = (
    "pan", "expiry", "security_code", "holder_name", "track", "pin", "address", "credentials",
)  # fmt: skip
FIELDS: Final = (
    Field("answered_by", Kind.TEXT, required=True),
    Field("answered_on", Kind.DATE, required=True),
    Field("answered_as", Kind.CHOICE,
          ("acquirer", "processor", "scheme", "merchant", "operator", "other")),
    Field("contact", Kind.TEXT),
    Field("conclusion", Kind.CHOICE, CONCLUSIONS, required=True),
    Field("merchant_informed", Kind.CHOICE, ("yes", "no", "not_applicable")),
    Field("window_start", Kind.DATE),
    Field("window_end", Kind.DATE),
    Field("data_taken", Kind.CHOICES, DATA),
    Field("cards_exposed", Kind.COUNT),
    Field("payment_stopped_on", Kind.DATE),
    Field("investigator", Kind.TEXT),
    Field("report_expected_on", Kind.DATE),
    Field("merchant_statement", Kind.LONG_TEXT),
    Field("corrections", Kind.LONG_TEXT),
    Field("comment", Kind.LONG_TEXT),
)  # fmt: skip
_BY_KEY: Final = {one.key: one for one in FIELDS}


def blank_form(inquiry_id: str, entity_kind: str, entity_id: str) -> Document:
    """The form to fill in, as plain values; ``help`` says what each field takes."""
    blanks: Document = {one.key: [] if one.kind is Kind.CHOICES else None for one in FIELDS}
    return {
        **dict(zip(HEAD, (SCHEMA, inquiry_id, entity_kind, entity_id), strict=True)),
        **blanks,
        HELP: {one.key: help_of(one) for one in FIELDS},
    }


def help_of(one: Field) -> str:
    """What a field takes, in a few words."""
    takes = {
        Kind.TEXT: "text",
        Kind.LONG_TEXT: "text in your own words",
        Kind.DATE: "YYYY-MM-DD",
        Kind.COUNT: "a whole number",
        Kind.CHOICE: "one of: " + ", ".join(one.choices),
        Kind.CHOICES: "any of: " + ", ".join(one.choices),
    }[one.kind]
    return f"{takes} (required)" if one.required else takes


def answer_from(document: Mapping[str, Any], inquiry_id: str, entity_id: str) -> Document:
    """Check an answer and return its filled fields; dates stay ISO 8601 texts.

    ``inquiry_id`` may be empty where it is not known which one was sent. Raises BadInput naming
    the first field that does not fit.
    """
    expected = {"schema": SCHEMA, "entity_id": entity_id}
    if inquiry_id:
        expected["inquiry_id"] = inquiry_id
    for key, value in expected.items():
        if document.get(key) != value:
            raise BadInput(
                f"the answer's {key} is {document.get(key)!r}, not {value!r}",
                hint="Is it the answer to another inquiry? Fill in the form that was sent.",
            )
    unknown = sorted(set(document) - set(_BY_KEY) - {*HEAD, HELP})
    if unknown:
        raise BadInput(
            f"the answer has fields that the form does not: {', '.join(unknown[:5])}",
            hint="Move what they say to comment.",
        )
    checked = {one.key: _checked(one, document.get(one.key)) for one in FIELDS}
    first, last = checked["window_start"], checked["window_end"]
    if first and last and first > last:
        raise BadInput("the answer's window_end lies before its window_start")
    return {key: value for key, value in checked.items() if value not in (None, "", [])}


def _checked(one: Field, value: Any) -> Any:
    if value in (None, "", []):
        if one.required:
            raise BadInput(f"the answer's {one.key} is empty", hint=f"Fill in {help_of(one)}.")
        return None
    wrong = BadInput(f"the answer's {one.key} cannot be read", hint=f"Fill in {help_of(one)}.")
    if one.kind is Kind.COUNT:
        return _count(value, wrong)
    if one.kind is Kind.CHOICES:
        return _choices(one, value, wrong)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise wrong
    text = value.strip()
    if one.kind is Kind.DATE:
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise wrong from None
    if one.kind is Kind.CHOICE and text not in one.choices:
        raise wrong
    return text


def _count(value: Any, wrong: BadInput) -> int:
    text = str(value).replace(",", "").strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise wrong
    return int(text)


def _choices(one: Field, value: Any, wrong: BadInput) -> list[str]:
    """A list, or (from a table) a text with commas or spaces between the words."""
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list) or any(word not in one.choices for word in words):
        raise wrong
    return [choice for choice in one.choices if choice in words]
