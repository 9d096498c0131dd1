"""Which carrier a domain belongs to, and how fast it is fed."""

from __future__ import annotations

from datetime import date

import pytest

from sekisho.domain.errors import BadInput
from sekisho.gateways.outbound.email.pace import Pace, RetrySchedule
from sekisho.rulebook.carriers import in_force, parse, shipped

FILE = """
valid_from = 2026-01-01
[[group]]
name = "one"
domains = ["One.example", "two.example"]
per_second = 2.0
burst = 3
[[group]]
name = "other"
domains = []
per_second = 10
burst = 1
"""


def test_the_shipped_table_knows_the_carriers() -> None:
    table = shipped(date(2026, 11, 23))
    for domain, name in {
        "docomo.ne.jp": "docomo", "ezweb.ne.jp": "au", "au.com": "au", "softbank.ne.jp": "softbank",
        "i.softbank.jp": "softbank", "gmail.com": "google", "icloud.com": "apple",
        "a.vodafone.ne.jp": "softbank", "example.jp": "other", "notdocomo.ne.jp": "other",
    }.items():  # fmt: skip
        assert table.group_of(domain).name == name


def test_a_bucket_holds_a_burst_and_fills_again() -> None:
    now = [0.0]
    pace = Pace(parse("c.toml", FILE.encode()), lambda: now[0])
    assert [pace.take("one.example"), pace.take("two.example"), pace.take("ONE.example")] == [0] * 3
    assert pace.take("one.example") == pytest.approx(0.5)
    assert pace.take("x.example") == 0, "another domain has a bucket of its own"
    assert pace.take("y.example") == 0
    assert pace.take("x.example") > 0
    now[0] = 0.5
    assert pace.take("two.example") == 0
    now[0] = 1000.0
    assert [pace.take("one.example") for _ in range(4)][:3] == [0] * 3
    assert pace.take("one.example") > 0


def test_no_second_lets_more_through_than_it_may() -> None:
    now = [0.0]
    pace = Pace(parse("c.toml", FILE.encode()), lambda: now[0])
    passed = 0
    for step in range(2000):
        now[0] = step / 100
        passed += pace.take("one.example") == 0
    assert passed <= 3 + 2.0 * 20
    assert passed >= 2.0 * 19


def test_retries_wait_longer_and_end() -> None:
    schedule = RetrySchedule((300, 900, 1800), give_up_s=7200)
    assert [schedule.next_wait(n, 0) for n in (1, 2, 3, 4)] == [300, 900, 1800, 1800]
    assert schedule.next_wait(4, 7000) is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("burst = 3", "burst = 0", r"group\[1\].burst"),
        ("per_second = 2.0", "per_second = -1", r"group\[1\].per_second"),
        ('name = "other"', 'name = "rest"', 'named "other"'),
        ("valid_from = 2026-01-01", "", "valid_from"),
        ("burst = 3", "burst = 3\nlimit = 1", r"group\[1\] needs exactly"),
    ],
)
def test_a_broken_table_says_where(old: str, new: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        parse("c.toml", FILE.replace(old, new, 1).encode())


def test_the_newest_valid_table_is_in_force() -> None:
    old = parse("a", FILE.encode())
    new = parse("b", FILE.replace("2026-01-01", "2027-01-01").encode())
    assert in_force([new, old], date(2026, 12, 31)) is old
    assert in_force([new, old], date(2027, 1, 1)) is new
