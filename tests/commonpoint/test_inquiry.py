"""Asking about a finding: two people, a chained record, the answer's form, the sample."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from sekisho.commonpoint.evidence import Sample, pick, table_of
from sekisho.commonpoint.inquiry import (
    ENDS,
    Action,
    Entry,
    State,
    Step,
    Subject,
    digest_of,
    line_of,
    read_lines,
    standing_of,
    take,
)
from sekisho.commonpoint.reply import FIELDS, HELP, Kind, answer_from, blank_form
from sekisho.domain.errors import BadInput
from sekisho.domain.inquiry import ExposingTransaction

SHOP = Subject("merchant", "A3/4410027")
OTHER = Subject("operator", "O-218")
AT = datetime(2026, 4, 2, 10, tzinfo=timezone(timedelta(hours=9)))
OLD, NEW = "a" * 64, "b" * 64


def act(step: Step, by: str = "架空 花子", **more: object) -> Action:
    return Action(step, by, AT, **more)  # type: ignore[arg-type]


def accept(by: str, finding: str = OLD) -> Action:
    return act(Step.ACCEPT, by, finding=finding)


def close(end: State, why: str = "調査報告書") -> Action:
    return act(Step.CLOSE, end=end, why=why)


SENT, ANSWER = act(Step.SENT), act(Step.ANSWER)
TWO = (accept("架空 花子"), accept("架空 太郎"))


def run(*actions: Action, subject: Subject = SHOP) -> list[Entry]:
    entries: list[Entry] = []
    for action in actions:
        entries.append(take(entries, subject, action))
    return entries


def states(*actions: Action) -> list[State]:
    return [entry.after for entry in run(*actions)]


def test_the_whole_way() -> None:
    assert states(*TWO, SENT, ANSWER, close(State.CONFIRMED)) == [
        State.ACCEPTED_BY_ONE,
        State.ACCEPTED,
        State.SENT,
        State.ANSWERED,
        State.CONFIRMED,
    ]


@pytest.mark.parametrize("again", ["架空 花子", "架空花子", " 架空　花子 ", "架空\u200b花子"])
def test_one_person_cannot_accept_twice(again: str) -> None:
    with pytest.raises(BadInput, match="has accepted"):
        run(TWO[0], accept(again))


def test_latin_names_are_one_person_whatever_their_case() -> None:
    with pytest.raises(BadInput, match="has accepted"):
        run(accept("Sato Kaku"), accept("ＳＡＴＯ kaku"))


def test_acceptances_of_other_figures_do_not_add_up() -> None:
    entries = run(accept("A"), accept("B", NEW))
    standing = standing_of(entries, SHOP)
    assert standing.state is State.ACCEPTED_BY_ONE
    assert standing.accepted_by == ("B",)
    entries.append(take(entries, SHOP, accept("A", NEW)))
    assert standing_of(entries, SHOP).may_be_sent(NEW)
    assert not standing_of(entries, SHOP).may_be_sent(OLD)


def test_subjects_do_not_mix() -> None:
    entries = run(TWO[0])
    entries.append(take(entries, OTHER, TWO[1]))
    assert standing_of(entries, SHOP).state is State.ACCEPTED_BY_ONE
    assert standing_of(entries, OTHER).state is State.ACCEPTED_BY_ONE


@pytest.mark.parametrize(
    ("before", "action", "said"),
    [
        ((), SENT, "not accepted by two"),
        ((TWO[0],), SENT, "not accepted by two"),
        ((), ANSWER, "nothing was asked"),
        (TWO, ANSWER, "nothing was asked"),
        (TWO, close(State.CONFIRMED), "nobody was asked"),
        (TWO, accept("C"), "accepted already"),
        ((*TWO, SENT), SENT, "sent already"),
        ((*TWO, SENT), close(State.CLEARED, " "), "needs its reason"),
        ((*TWO, SENT), close(State.SENT), "needs an end"),
        ((*TWO, SENT, close(State.CLEARED)), close(State.CLEARED), "cleared already"),
        ((), act(Step.ACCEPT, "\u200b "), "nobody is named"),
        ((), Action(Step.ACCEPT, "A", datetime(2026, 4, 2)), "no time zone"),  # noqa: DTZ001
    ],
)
def test_steps_out_of_order_are_refused(
    before: tuple[Action, ...], action: Action, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        run(*before, action)


def test_a_finding_can_be_cleared_before_it_is_sent_and_after_it_was_confirmed() -> None:
    assert states(close(State.CLEARED)) == [State.CLEARED]
    steps = (*TWO, SENT, close(State.CONFIRMED), close(State.CLEARED))
    assert states(*steps)[-1] is State.CLEARED


def test_a_late_answer_is_kept_and_decides_nothing() -> None:
    ended = (*TWO, SENT, close(State.NOT_DETERMINED))
    assert states(*ended, ANSWER)[-1] is State.NOT_DETERMINED


def test_whoever_asks_again_needs_two_people_again() -> None:
    entries = run(*TWO, SENT, close(State.NOT_DETERMINED), accept("架空 花子"))
    assert entries[-1].after is State.ACCEPTED_BY_ONE
    with pytest.raises(BadInput, match="not accepted by two"):
        take(entries, SHOP, SENT)


def naive_may_be_sent(actions: list[Action], finding: str) -> bool:
    """From the story alone: two names for these figures since the last end, and not ended."""
    since = []
    for action in actions:
        since = [] if action.step is Step.CLOSE else [*since, action]
    accepted = [a for a in since if a.step is Step.ACCEPT]
    last_run: list[str] = []
    for one in reversed(accepted):
        if one.finding != finding:
            break
        last_run.append(one.by)
    return len(set(last_run)) >= 2


def test_random_stories_agree_with_the_naive_reading_and_survive_the_file() -> None:
    chance = np.random.default_rng(7)
    ends = sorted(ENDS)
    reached = Counter[State]()
    for _ in range(300):
        entries: list[Entry] = []
        taken: list[Action] = []
        lines: list[str] = []
        for _ in range(12):
            step = list(Step)[chance.integers(4)]
            action = act(
                step,
                "ABC"[chance.integers(3)],
                finding=[OLD, NEW][int(chance.random() < 0.2)] if step is Step.ACCEPT else "",
                end=ends[chance.integers(3)] if step is Step.CLOSE else None,
                why="理由" if step is Step.CLOSE else "",
                details={"n": int(chance.integers(9))},
            )
            try:
                entry = take(entries, SHOP, action)
            except BadInput:
                continue
            lines.append(line_of(entry, lines[-1] if lines else None))
            entries.append(entry)
            taken.append(action)
            standing = standing_of(entries, SHOP)
            reached[standing.state] += 1
            for finding in (OLD, NEW):
                assert standing.may_be_sent(finding) == naive_may_be_sent(taken, finding)
        assert read_lines("".join(f"{line}\n" for line in lines)) == tuple(entries)
    assert set(reached) == set(State) - {State.OBSERVED}


# ---------------------------------------------------------------- the record


def record() -> list[str]:
    lines: list[str] = []
    for entry in run(*TWO, SENT, ANSWER):
        lines.append(line_of(entry, lines[-1] if lines else None))
    return lines


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def without(lines: list[str]) -> list[str]:
    return [lines[0], *lines[2:]]


def renamed(lines: list[str]) -> list[str]:
    return [lines[0].replace("花子", "次郎"), *lines[1:]]


def swapped(lines: list[str]) -> list[str]:
    return [lines[1], lines[0], *lines[2:]]


def first_gone(lines: list[str]) -> list[str]:
    return lines[1:]


def promoted(lines: list[str]) -> list[str]:
    """The last line says another state than its step leads to: its own hash is not checked yet."""
    last = json.loads(lines[-1]) | {"to": "cleared"}
    return [*lines[:-1], json.dumps(last, ensure_ascii=False)]


def broken(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1][:-20]]


@pytest.mark.parametrize("change", [without, renamed, swapped, first_gone, promoted, broken])
def test_a_changed_record_is_seen(change: Callable[[list[str]], list[str]]) -> None:
    assert len(read_lines(text(record()))) == 4
    with pytest.raises(BadInput, match=r"line \d"):
        read_lines(text(change(record())))


def test_a_cut_off_line_is_seen() -> None:
    with pytest.raises(BadInput, match="cut off"):
        read_lines(text(record())[:-5])


def test_the_digest_does_not_depend_on_the_order_of_keys_but_on_every_value() -> None:
    assert digest_of({"a": 1, "b": "架空"}) == digest_of({"b": "架空", "a": 1})
    assert digest_of({"a": 1, "b": 2}) != digest_of({"a": 1, "b": 3})


# ---------------------------------------------------------------- the answer


def filled(**more: object) -> dict[str, object]:
    form = blank_form("SEK-1", "merchant", SHOP.entity_id)
    needed = {"answered_by": "架空アクワイアラー", "answered_on": "2026-04-20",
              "conclusion": "nothing_found"}  # fmt: skip
    return {**form, **needed, **more}


def read(document: dict[str, object]) -> dict[str, object]:
    return answer_from(document, "SEK-1", SHOP.entity_id)


def test_the_blank_form_fills_in_and_comes_back() -> None:
    said = read(filled(cards_exposed="1,204", data_taken=["security_code", "pan"]))
    assert said == {
        "answered_by": "架空アクワイアラー",
        "answered_on": "2026-04-20",
        "conclusion": "nothing_found",
        "data_taken": ["pan", "security_code"],
        "cards_exposed": 1204,
    }


def test_the_form_has_help_for_every_field() -> None:
    form = blank_form("SEK-1", "merchant", SHOP.entity_id)
    assert set(form[HELP]) == {one.key for one in FIELDS}
    assert all(one.choices for one in FIELDS if one.kind in (Kind.CHOICE, Kind.CHOICES))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"schema": "x"}, "schema"),
        ({"inquiry_id": "SEK-2"}, "inquiry_id"),
        ({"entity_id": "B"}, "entity_id"),
        ({"answered_by": ""}, "answered_by is empty"),
        ({"answered_on": "20.4.2026"}, "answered_on cannot be read"),
        ({"conclusion": "guilty"}, "conclusion cannot be read"),
        ({"data_taken": ["pan", "x"]}, "data_taken cannot be read"),
        ({"data_taken": 3}, "data_taken cannot be read"),
        ({"cards_exposed": "many"}, "cards_exposed cannot be read"),
        ({"cards_exposed": True}, "cards_exposed cannot be read"),
        ({"comment": "x" * 20_001}, "comment cannot be read"),
        ({"comment": {"a": 1}}, "comment cannot be read"),
        ({"verdict": "x"}, "verdict"),
        ({"window_start": "2026-02-01", "window_end": "2026-01-01"}, "before its window_start"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read(filled(**more))


# ---------------------------------------------------------------- the sample


def transactions(chance: np.random.Generator, count: int) -> list[ExposingTransaction]:
    return [
        ExposingTransaction(
            entity_id=f"A1/{'123'[min(2, int(chance.exponential(0.5)))]}",
            card_ref=f"card-{number}",
            card_order=f"{chance.integers(1 << 32):08x}",
            transaction_id=f"T{number}" if chance.random() < 0.9 else "looks like a card",
            authorized_at=datetime(2026, 1, 1) + timedelta(hours=int(chance.integers(999))),  # noqa: DTZ001
            acquirer_id="A1",
            merchant_id="1",
            terminal_id="",
            amount_minor=int(chance.integers(9_999)),
            currency="JPY",
            approved=None,
        )
        for number in range(count)
    ]


def suspicious(cell: str) -> bool:
    return cell == "looks like a card"


def naive_pick(found: list[ExposingTransaction], size: int) -> set[str]:
    """Go round the shops, each time taking the card with the smallest hash that is left."""
    left = [row for row in found if not suspicious(row.transaction_id)]
    chosen: set[str] = set()
    while left and len(chosen) < size:
        for shop in sorted({row.entity_id for row in left}):
            if len(chosen) == size:
                break
            row = min((r for r in left if r.entity_id == shop), key=lambda r: r.card_order)
            chosen.add(row.card_ref)
            left.remove(row)
    return chosen


@pytest.mark.parametrize("size", [1, 7, 40, 500])
def test_the_sample_is_the_naive_one_whatever_the_order_of_rows(size: int) -> None:
    chance = np.random.default_rng(size)
    found = transactions(chance, 120)
    shuffled = [found[i] for i in chance.permutation(len(found))]
    samples = [pick(rows, size, suspicious, with_card_refs=False, same_files=True)
               for rows in (found, shuffled)]  # fmt: skip
    assert samples[0] == samples[1]
    assert {row.card_ref for row in samples[0].rows} == naive_pick(found, size)
    assert samples[0].left_out == sum(suspicious(row.transaction_id) for row in found) > 0
    times = [row.authorized_at for row in samples[0].rows]
    assert times == sorted(times)


def test_the_table_has_offsets_no_formulas_and_card_references_only_when_asked() -> None:
    (row,) = transactions(np.random.default_rng(1), 1)
    evil = ExposingTransaction(
        row.entity_id, "=card", "00", "=1+1", datetime(2026, 1, 5, 23, 5), "A1", "1", "@x",  # noqa: DTZ001
        120, "JPY", approved=False,
    )  # fmt: skip
    plain = table_of(Sample((evil,), 1, 0, with_card_refs=False, same_files=True), "Asia/Tokyo")
    assert "card_ref" not in plain[0]
    assert plain[1] == [
        "'=1+1", "2026-01-05T23:05:00+09:00", "A1", "1", "'@x", "120", "JPY", "false",
    ]  # fmt: skip
    asked = table_of(Sample((evil,), 1, 0, with_card_refs=True, same_files=True), "Asia/Tokyo")
    assert (asked[0][-1], asked[1][-1]) == ("card_ref", "'=card")


def test_times_are_kept_as_they_were_written() -> None:
    entry = run(Action(Step.ACCEPT, "A", datetime(2026, 4, 2, tzinfo=UTC), finding=OLD))[0]
    (back,) = read_lines(text([line_of(entry, None)]))
    assert back.at == entry.at
    assert back.at.date() == date(2026, 4, 2)
