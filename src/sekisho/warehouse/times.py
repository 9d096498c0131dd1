"""Points in time as files write them, turned into wall-clock time of the trace's zone.

Text is read by shape, never by guess: ISO, ``YYYY/MM/DD``, ``YYYYMMDD[HHMM[SS]]``, year-month-day
in Japanese, each with or without a time, and ISO with an offset. A time without an offset is
wall-clock time in the trace's zone. All expressions here yield DuckDB TIMESTAMP (naive) or NULL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from sekisho.domain.errors import BadInput
from sekisho.warehouse.sqltext import fill, literal

FIRST_DAY = date(1970, 1, 1)
END_DAY = date(2100, 1, 1)  # placeholders such as 9999-12-31 are no point in time

_DATE = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_USUAL = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2})?"
_NAIVE = rf"{_DATE}([ T]{_CLOCK})?"
_OFFSET = rf"{_DATE}[ T]{_CLOCK} ?(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)"

# Seconds since 1970 are believed between 2000-01-01 and 2033-05-18 (ten digits, and no
# YYYYMMDDHH of this century reads as one of them).
_EPOCH_SECONDS = (946_684_800, 2_000_000_000)


class Shape(StrEnum):
    """How a whole column writes its points in time."""

    TEXT = "text"
    EPOCH_SECONDS = "epoch_seconds"
    EPOCH_MILLISECONDS = "epoch_milliseconds"


def check_zone(name: str) -> ZoneInfo:
    """Give the time zone of that name. Raises BadInput for an unknown one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(
            f"--timezone {name}: no such time zone",
            hint="Use a name of the tz database, for example Asia/Tokyo.",
        ) from error


def shape_of(sample: Sequence[str]) -> Shape:
    """Tell whether a column counts seconds or milliseconds since 1970, judged as a whole.

    ``sample`` are trimmed values in ASCII. Only columns in which nearly every value lies in the
    believed range are taken as counts; a stray broken value does not change the reading.
    """
    values = [value for value in sample if value]
    for shape, scale, digits in (
        (Shape.EPOCH_SECONDS, 1, r"[0-9]{9,10}"),
        (Shape.EPOCH_MILLISECONDS, 1000, r"[0-9]{12,13}"),
    ):
        believed = sum(
            1
            for value in values
            if re.fullmatch(digits, value)
            and _EPOCH_SECONDS[0] * scale <= int(value) < _EPOCH_SECONDS[1] * scale
        )
        if values and believed >= 0.8 * len(values) and not _mostly_compact_dates(values):
            return shape
    return Shape.TEXT


def _mostly_compact_dates(values: Sequence[str]) -> bool:
    """YYYYMMDDHHMM has twelve digits as milliseconds of 1970-2001 have; dates win."""
    compact = r"(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9]"
    return sum(1 for value in values if re.fullmatch(compact, value)) >= 0.8 * len(values)


def is_clock_without_seconds(sample: Sequence[str]) -> bool:
    """Tell whether a time-of-day column writes HHMM: four digits, and no longer value in sight."""
    digits = [value for value in sample if re.fullmatch(r"[0-9]{1,6}", value)]
    return bool(digits) and max(map(len, digits)) == 4 and all(int(v[-2:]) < 60 for v in digits)


def text_time(text: str, zone: str, shape: Shape = Shape.TEXT) -> str:
    """Write SQL that reads the trimmed ASCII text ``text`` as wall-clock time in ``zone``."""
    if shape is not Shape.TEXT:
        scale = "1000000" if shape is Shape.EPOCH_SECONDS else "1000"
        return fill(
            "timezone({zone}, CASE WHEN regexp_full_match({text}, '[0-9]{{9,13}}') "
            "THEN make_timestamptz(CAST({text} AS BIGINT) * {scale}) END)",
            text=text,
            scale=scale,
            zone=literal(zone),
        )
    # The usual shape first: rewriting the others costs ten times as much a row.
    return fill(
        "CASE WHEN regexp_full_match({text}, {usual}) THEN TRY_CAST({text} AS TIMESTAMP) "
        "WHEN regexp_full_match({iso}, {naive}) THEN TRY_CAST({iso} AS TIMESTAMP) "
        "WHEN regexp_full_match({iso}, {offset}) "
        "THEN timezone({zone}, TRY_CAST("
        "regexp_replace(replace({iso}, 'Z', '+00'), ' ([+-])', '\\1') AS TIMESTAMPTZ)) END",
        text=text,
        usual=literal(_USUAL),
        iso=_iso(text),
        naive=literal(_NAIVE),
        offset=literal(_OFFSET),
        zone=literal(zone),
    )


def has_offset(text: str) -> str:
    """Write SQL that says whether the text expression names its offset from UTC."""
    return fill(
        "regexp_matches({text}, {offset})",
        text=text,
        offset=literal(r"[T :][0-9.:]*[0-9] ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"),
    )


def _iso(text: str) -> str:
    """Write SQL that rewrites the other shapes to ISO; what is none of them stays as it is."""
    compact = literal(
        r"^([0-9]{4})([0-9]{2})([0-9]{2})(?:[ T]?([0-9]{2}):?([0-9]{2})(?::?([0-9]{2}))?)?"
        r"(\.[0-9]{1,9})?((?:Z|[+-][0-9]{2}:?[0-9]{2})?)$"
    )
    return fill(
        "CASE WHEN {text}[5] BETWEEN '0' AND '9' THEN regexp_replace(regexp_replace("
        "{text}, {compact}, '\\1-\\2-\\3 \\4:\\5:\\6\\7\\8'), {hanging}, '\\1') "
        "WHEN {text}[5] IN ('/', '.', '年') THEN regexp_replace(regexp_replace(regexp_replace("
        "{text}, '^([0-9]{{4}})[/.年]([0-9]{{1,2}})[/.月]([0-9]{{1,2}})日?', '\\1-\\2-\\3'), "
        "'([0-9]{{1,2}})時([0-9]{{2}})分(?:([0-9]{{2}})秒)?$', '\\1:\\2:\\3'), {hanging}, '\\1') "
        "ELSE {text} END",
        text=text,
        compact=compact,
        hanging=literal(" ?:+($|[+Z-])"),  # the colons of hours or seconds that are not there
    )


def pair_text(date_text: str, clock_text: str, *, hours_and_minutes: bool) -> str:
    """Write SQL that joins a date text and a time-of-day text to one text for ``text_time``.

    Numbers lose leading zeros on their way through spreadsheets: 93000 is 09:30:00, and 93 is
    00:00:93, which no clock shows, so it is rejected. An absent time is no time (NULL).
    """
    short = (
        "WHEN regexp_full_match({clock}, '[0-9]{{1,4}}') THEN "
        "regexp_replace(lpad({clock}, 4, '0'), '(..)(..)', '\\1:\\2') "
    )
    return fill(
        "CASE WHEN regexp_full_match({date}, '[0-9]{{8}}') "
        "THEN {date}[1:4] || '-' || {date}[5:6] || '-' || {date}[7:8] ELSE {date} END "
        "|| ' ' || CASE "
        + (short if hours_and_minutes else "")
        + "WHEN regexp_full_match({clock}, '[0-9]{{1,6}}') THEN "
        "regexp_replace(lpad({clock}, 6, '0'), '(..)(..)(..)', '\\1:\\2:\\3') ELSE {clock} END",
        date=date_text,
        clock=clock_text,
    )


def text_date(text: str, *, month_end: bool) -> str:
    """Write SQL that reads text as a DATE; ``month_end`` lets ``YYYYMM`` and ``MM/YY`` end it."""
    whole = fill("CAST({time} AS DATE)", time=text_time(text, "UTC"))
    if not month_end:
        return whole
    return fill(
        "CASE WHEN strlen({text}) > 7 THEN {whole} "  # no month is so long: spares two matches
        "WHEN regexp_full_match({text}, '[0-9]{{4}}[-/]?(0[1-9]|1[0-2])') "
        "THEN last_day(TRY_CAST({text}[1:4] || '-' || {text}[-2:] || '-01' AS DATE)) "
        "WHEN regexp_full_match({text}, '(0[1-9]|1[0-2])/?[0-9]{{2}}') "
        "THEN last_day(TRY_CAST('20' || {text}[-2:] || '-' || {text}[1:2] || '-01' AS DATE)) "
        "ELSE {whole} END",
        text=text,
        whole=whole,
    )
