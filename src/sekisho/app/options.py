"""Values of options that several commands take, read alike everywhere."""

from __future__ import annotations

from datetime import date

from sekisho.domain.errors import BadInput


def column_pairs(columns: str) -> dict[str, str]:
    """``a=b,c=d`` of ``--columns`` as a mapping; BadInput where a part is no pair."""
    pairs: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in columns.split(","))):
        left, equals, right = (one.strip() for one in part.partition("="))
        if not (equals and left and right):
            raise BadInput(
                f"--columns: {part!r} is not NAME=NAME.",
                hint="Write --columns card_ref=CARDNO,authorized_at=DATE or --columns 1=card_ref",
            )
        pairs[left] = right
    return pairs


def day_of(option: str, text: str | None) -> date | None:
    """The date given to ``option``; None if it was not given, BadInput if it is no date."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{option}: {text!r} is not a date.", hint="Write it as 2026-03-31."
        ) from None
