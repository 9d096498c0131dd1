"""Years that are not told: New Year's Eve, leap days, zones, clocks of another day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.iso8583.samples import PATIENT
from sekisho.gateways.inbound.iso8583.times import UTC_ZONE, ImpossibleTime, instant

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("told", "now", "zone", "meant"),
    [
        ("0817153012", "2026-08-17T15:30:13+00:00", UTC_ZONE, "2026-08-17T15:30:12+00:00"),
        ("0818003012", "2026-08-17T15:30:13+00:00", TOKYO, "2026-08-17T15:30:12+00:00"),
        ("1231235959", "2027-01-01T00:00:01+00:00", UTC_ZONE, "2026-12-31T23:59:59+00:00"),
        ("0101000001", "2026-12-31T23:59:59+00:00", UTC_ZONE, "2027-01-01T00:00:01+00:00"),
        ("0101083000", "2026-12-31T23:30:00+00:00", TOKYO, "2026-12-31T23:30:00+00:00"),
        ("0229120000", "2028-03-01T00:00:00+00:00", UTC_ZONE, "2028-02-29T12:00:00+00:00"),
        ("0329013000", "2026-03-29T00:31:00+00:00", BERLIN, "2026-03-29T00:30:00+00:00"),
        ("0701120000", "2026-07-01T10:00:00+00:00", BERLIN, "2026-07-01T10:00:00+00:00"),
    ],
)
def test_the_nearest_year_is_meant(told: str, now: str, zone: ZoneInfo, meant: str) -> None:
    assert instant(told, at(now), zone) == at(meant)


@pytest.mark.parametrize(
    "told",
    ["0230120000", "1301000000", "0000000000", "0817240000", "0817156000", "0817150060",
     "0431000000", "08171530", "081715301²", "          ", "0229000000"],
)  # fmt: skip
def test_what_no_calendar_has_is_refused(told: str) -> None:
    with pytest.raises(ImpossibleTime):
        instant(told, at("2026-06-01T00:00:00+00:00"))


@PATIENT
@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001
    st.integers(-150 * 86_400, 150 * 86_400),
    st.sampled_from([UTC_ZONE, TOKYO]),
)
def test_within_five_months_of_the_clock_the_year_is_always_right(
    moment: datetime, late_s: int, zone: ZoneInfo
) -> None:
    sent = moment.replace(microsecond=0, tzinfo=UTC)
    told = f"{sent.astimezone(zone):%m%d%H%M%S}"
    now = int((sent + timedelta(seconds=late_s)).timestamp())
    assert instant(told, now, zone) == int(sent.timestamp())
