"""Dates without a year: fields 7, 12 and 13 become instants, by the clock that was handed in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from sekisho.domain.errors import BadInput

_DAY_S: Final = 86_400
UTC_ZONE: Final = ZoneInfo("UTC")


class ImpossibleTime(BadInput):
    """Month, day, hour, minute or second that no calendar has."""

    code = "impossible_time"


def instant(month_to_second: str, now: int, zone: ZoneInfo = UTC_ZONE) -> int:
    """Seconds since 1970 UTC of ``MMDDhhmmss`` in ``zone``, in the year nearest to ``now``.

    Raises `ImpossibleTime`. A message of 31 December that arrives on 1 January is of last year. In
    the hour that daylight saving time repeats, the first one is meant.
    """
    return _instant(month_to_second, now // _DAY_S, zone)


# Thousands of messages are of the same second.
@lru_cache(maxsize=8192)
def _instant(month_to_second: str, day_of_now: int, zone: ZoneInfo) -> int:
    minute, second = month_to_second[6:8], month_to_second[8:10]
    if not (month_to_second.isdecimal() and len(month_to_second) == 10):
        raise ImpossibleTime("a time is not ten digits")
    if minute > "59" or second > "59":
        raise ImpossibleTime("a time with a minute or second past 59")
    hour = _hour(month_to_second[:6], day_of_now, zone)
    return hour + 60 * int(minute) + int(second)


@lru_cache(maxsize=4096)
def _hour(month_to_hour: str, day_of_now: int, zone: ZoneInfo) -> int:
    month, day, hour = (int(month_to_hour[at : at + 2]) for at in (0, 2, 4))
    today = date(1970, 1, 1) + timedelta(days=day_of_now)
    found = [
        made
        for year in (today.year - 1, today.year, today.year + 1)
        if (made := _made(year, month, day, hour, zone)) is not None
    ]
    if not found:
        raise ImpossibleTime("a date that does not exist")
    noon = day_of_now * _DAY_S + _DAY_S // 2
    return min(found, key=lambda at: abs(at - noon))


def _made(year: int, month: int, day: int, hour: int, zone: ZoneInfo) -> int | None:
    try:
        return int(datetime(year, month, day, hour, tzinfo=zone).astimezone(UTC).timestamp())
    except ValueError:
        return None
