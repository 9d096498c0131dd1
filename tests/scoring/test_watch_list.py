"""Which cards of an alert are watched: each rule, and that nothing that an alert names is lost."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sekisho.domain.errors import BadInput
from sekisho.domain.exposure import (
    Alert,
    AlertEntry,
    AlertSource,
    CardOnFile,
    EntryAction,
    Fate,
    funnel_of,
)
from sekisho.rulebook.watch import shipped
from sekisho.scoring.watch_list import CardIndex, Known, judge

TODAY = date(2031, 3, 1)
WINDOW = (date(2030, 6, 1), date(2030, 12, 31))
EXPIRY = date(2033, 5, 31)
CARDS = (
    CardOnFile("open", date(2028, 1, 5), expires_on=EXPIRY, bin="400000", last4="0001"),
    CardOnFile("closed", date(2028, 1, 5), closed_on=TODAY, expires_on=EXPIRY),
    CardOnFile("replaced", date(2028, 1, 5), replaced_by="other", expires_on=EXPIRY),
    CardOnFile("expired", date(2024, 1, 5), expires_on=date(2031, 2, 28)),
    CardOnFile("young", date(2031, 1, 1), expires_on=EXPIRY),
    CardOnFile("twin1", expires_on=EXPIRY, bin="40000011", last4="0002"),
    CardOnFile("twin2", expires_on=EXPIRY, bin="40000022", last4="0002"),
    CardOnFile("twin3", expires_on=date(2032, 1, 31), bin="40000022", last4="0002"),
)


def day_end(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC).timestamp())


def known(cards: CardIndex | None = CardIndex(CARDS), **more) -> Known:  # noqa: B008
    given_facts = {"named": (), "prior": {}, "today": TODAY, "day_end": day_end} | more
    return Known(cards, **given_facts)


def alert(*entries: AlertEntry, elements: tuple[str, ...] = ("pan", "expiry")) -> Alert:
    return Alert("架空-1", AlertSource.SCHEME, TODAY, elements, entries, *WINDOW)


def fate_of(entry: AlertEntry, facts: Known | None = None, **more) -> Fate:
    (told,) = judge(alert(entry, **more), facts or known(), shipped())
    return told.fate


@pytest.mark.parametrize(
    ("entry", "fate"),
    [
        (AlertEntry(2, "open", expiry=EXPIRY), Fate.WATCHED),
        (AlertEntry(2, "open", expiry=date(2033, 5, 1)), Fate.WATCHED),
        (AlertEntry(2, "open"), Fate.WATCHED),
        (AlertEntry(2, "open", expiry=date(2030, 5, 31)), Fate.REISSUED),
        (AlertEntry(2, "replaced", expiry=EXPIRY), Fate.REISSUED),
        (AlertEntry(2, "closed"), Fate.CLOSED),
        (AlertEntry(2, "expired", expiry=date(2031, 2, 28)), Fate.EXPIRED),
        (AlertEntry(2, "young"), Fate.ISSUED_AFTER),
        (AlertEntry(2, "nobody"), Fate.NOT_OURS),
        (AlertEntry(2, bin="400000", last4="0001", expiry=EXPIRY), Fate.WATCHED),
        (AlertEntry(2, bin="40000099", last4="0001", expiry=EXPIRY), Fate.WATCHED),
        (AlertEntry(2, bin="400000", last4="0002", expiry=EXPIRY), Fate.SEVERAL_FIT),
        (AlertEntry(2, bin="40000011", last4="0002", expiry=EXPIRY), Fate.WATCHED),
        (AlertEntry(2, bin="400000", last4="0002", expiry=date(2032, 1, 1)), Fate.WATCHED),
        (AlertEntry(2, bin="411111", last4="0002", expiry=EXPIRY), Fate.NOT_OURS),
        (AlertEntry(2, "open", action=EntryAction.WITHDRAW), Fate.WITHDRAWN),
        (AlertEntry(2, "open", elements=("holder_name", "address")), Fate.NOTICE_ONLY),
        (AlertEntry(2, "open", elements=("name", "CVC")), Fate.WATCHED),
    ],
)
def test_each_rule(entry: AlertEntry, fate: Fate) -> None:
    assert fate_of(entry) is fate


def test_without_a_card_file_the_alert_is_believed() -> None:
    assert fate_of(AlertEntry(2, "nobody"), known(None)) is Fate.WATCHED
    old = AlertEntry(2, "nobody", expiry=date(2031, 1, 31), elements=("expiry",))
    assert fate_of(old, known(None)) is Fate.EXPIRED
    assert fate_of(AlertEntry(2, bin="400000", last4="0001"), known(None)) is Fate.NOT_OURS


def test_a_card_is_named_once_and_an_earlier_alert_is_noted() -> None:
    entries = (AlertEntry(2, "open"), AlertEntry(3, "open"))
    first, second = judge(alert(*entries), known(prior={"open": date(2030, 1, 1)}), shipped())
    assert (first.fate, second.fate) == (Fate.WATCHED, Fate.DUPLICATE)
    assert first.prior_on == date(2030, 1, 1)
    assert fate_of(AlertEntry(2, "open"), known(named={"open"})) is Fate.DUPLICATE


def test_how_long_a_card_is_watched_goes_by_what_was_taken() -> None:
    def until(*elements: str) -> date | None:
        (told,) = judge(alert(AlertEntry(2, "open"), elements=elements), known(), shipped())
        return told.until

    assert until("pan") == date(2032, 2, 29)  # 365 days
    assert until("expiry") == date(2033, 2, 28)
    assert until("security_code") == EXPIRY  # worthless after the expiry date
    assert until("pan", "security_code") == EXPIRY
    assert until("email") is None


def test_an_element_that_nobody_knows_is_asked_about() -> None:
    with pytest.raises(BadInput, match="'shoe size' is no data element"):
        fate_of(AlertEntry(2, "open"), elements=("shoe size",))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.builds(
            AlertEntry,
            row=st.integers(2, 9),
            card_ref=st.sampled_from([card.card_ref for card in CARDS] + ["nobody", ""]),
            bin=st.sampled_from(["", "400000", "40000022"]),
            last4=st.sampled_from(["", "0001", "0002"]),
            expiry=st.sampled_from([None, EXPIRY, date(2032, 1, 31)]),
            action=st.sampled_from(EntryAction),
        ),
        max_size=12,
    ),
    st.integers(0, 3),
)
def test_the_funnel_adds_up(entries: list[AlertEntry], unreadable: int) -> None:
    told = judge(alert(*entries), known(), shipped())
    funnel = funnel_of(told, unreadable)
    counts = dict(funnel.fates)
    assert funnel.in_alert == len(entries) + unreadable == sum(counts.values()) + unreadable
    assert funnel.active == counts["watched"] + counts["notice_only"]
    watched = [one.card_ref for one in told if one.fate is Fate.WATCHED]
    assert len(watched) == len(set(watched)) == funnel.watched
