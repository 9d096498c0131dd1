"""The live desk: what was answered is never lost or changed, and the state is what it implies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import sekisho
from app import live_play
from app.live_play import BEGIN, OFTEN, opened, play, request
from journal.test_journal import largest_file
from sekisho.app.live import LiveDesk, open_desk
from sekisho.app.program import program
from sekisho.app.scoring_history import read_history
from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardStatus,
    DecisionKind,
    FraudLabel,
    LabelSource,
)
from sekisho.domain.errors import BadInput, Conflict, StoreFull
from sekisho.domain.progress import Silent
from sekisho.journal.segments import LONGEST, STEP
from sekisho.journal.snapshots import snapshots
from sekisho.scoring import kernel
from sekisho.scoring.engine import Engine, Judges
from sekisho.scoring.memory import Memory, new_memory
from sekisho.scoring.messages import no_labels
from sekisho.scoring.policy import CompiledPolicy, Policy
from sekisho.scoring.state import new_state
from sekisho.warehouse.intake import InputRequest


def played_again(desk: LiveDesk) -> Memory:
    """The state that the whole journal implies, without any snapshot."""
    memory = new_memory(OFTEN.utc_offset)
    judges = Judges(CompiledPolicy(Policy("again")))
    engine = Engine(memory, judges, desk.journal, lambda: 0)
    for at, _, entry in desk.journal.entries(0):
        engine.replay(entry, at)
    return memory


def same(one: Memory, other: Memory) -> None:
    left, right = one.arrays(), other.arrays()
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert array.tobytes() == right[name].tobytes(), name
    assert json.dumps(one.facts()) == json.dumps(other.facts())


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    told, now = [], [BEGIN]
    for part in range(4):
        desk = opened(tmp_path, now=now)
        for number in range(300 * part, 300 * part + 300):
            now[0] = BEGIN + 37 * number
            told.append(play(desk, number))
        same(desk.engine.memory, played_again(desk))
        desk.close()
        desk.close()  # twice is no harm
    desk = opened(tmp_path, now=now)
    assert len(snapshots(tmp_path / "snapshots")) == 2
    same(desk.engine.memory, played_again(desk))
    decided = desk.after(0, 10_000)
    assert [one.request.request_id for one in decided] == list(
        dict.fromkeys(one.request.request_id for one in decided)
    )
    for one in decided[::50]:
        again = desk.decide(one.request)
        assert again.repeated
        assert (again.decision_id, again.reasons) == (
            one.decision.decision_id,
            one.decision.reasons,
        )
    desk.close()


def child(folder: Path, first: int) -> subprocess.Popen[str]:
    source = Path(sekisho.__file__).parent.parent
    return subprocess.Popen(
        [sys.executable, live_play.__file__, str(folder), str(first)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(source)},
    )  # fmt: skip


def killed_after(folder: Path, first: int, calls: int) -> dict[int, str]:
    """Let a process play until it told of so many calls, kill it in the middle of the next ones."""
    told: dict[int, str] = {}
    with child(folder, first) as process:
        assert process.stdout is not None
        for line in process.stdout:
            number, _, rest = line.rstrip("\n").partition(" ")
            told[int(number)] = rest
            if len(told) == calls:
                process.send_signal(signal.SIGKILL)  # what it wrote until it dies is read below
            if not line.endswith("\n"):
                del told[int(number)]
    assert process.returncode == -signal.SIGKILL
    return told


@pytest.mark.slow
def test_kill_9_loses_and_changes_no_answer(tmp_path: Path) -> None:
    told: dict[int, str] = {}
    for calls in (700, 1, 350, 900):
        fresh = killed_after(tmp_path, max(told, default=-1) + 1, calls)
        assert not told.keys() & fresh.keys()
        told |= fresh
    assert snapshots(tmp_path / "snapshots"), "some snapshots were made while it ran"
    now = [BEGIN + 37 * max(told)]
    desk = opened(tmp_path, now=now)
    same(desk.engine.memory, played_again(desk))
    written = {one.request.request_id: one.decision for one in desk.after(0, 10**6)}
    decided = {n: line for n, line in told.items() if line.split(" ", 1)[0].count("-") == 1}
    assert len(decided) > 1_000
    for number, line in decided.items():
        d = written[f"request {number}"]
        assert line == f"{d.decision_id} {d.kind} {d.ask} {','.join(d.reasons)} {d.decided_at}"
    # What was played without a kill gives the same answers: nothing hangs on where it died.
    other = opened(tmp_path / "unbroken", now=now)
    for number in sorted(told):
        now[0] = BEGIN + 37 * number
        wanted = told[number].partition(" ")[2] if number in decided else told[number]
        found = play(other, number)
        assert (found.partition(" ")[2] if number in decided else found) == wanted
    other.close()
    desk.close()


def test_a_torn_tail_is_told_and_the_rest_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = opened(tmp_path)
    for number in range(40):
        desk.decide(request(number))
    last = desk.after(0, 100)[-1]
    desk.close()
    path = sorted((tmp_path / "journal").glob("*.journal"))[-1]
    path.write_bytes(path.read_bytes()[:-7] + bytes(4_000))
    with caplog.at_level("WARNING"):
        desk = opened(tmp_path)
    assert "torn tail" in caplog.text
    assert "ahead of the journal" in caplog.text
    same(desk.engine.memory, played_again(desk))
    again = desk.decide(last.request)
    assert not again.repeated
    assert again.decision_id != last.decision.decision_id
    desk.close()


def test_a_full_disk_gets_the_stand_in_and_nothing_half(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [BEGIN]
    desk = opened(tmp_path, now=now)
    before = desk.decide(request(1))
    with largest_file(STEP + 2 * LONGEST), caplog.at_level("WARNING"):
        answers, number = [], 10
        while not answers or answers[-1][1].reasons != ("stand_in",):
            long = AuthorizationRequest(
                f"long {number}", "card 1", "acquirer", "x" * 8_000, BEGIN + number,
                BEGIN + number, 100 * number, "392",
            )  # fmt: skip
            answers.append((long, desk.decide(long)))
            number += 1
        end = desk.journal.end
        small = [desk.decide(request(n)) for n in range(20_000, 20_040)]
        assert {one.reasons for one in small} == {("stand_in",)}
        for n, one in enumerate(small, 20_000):
            amount = request(n).amount_minor
            kept = amount < OFTEN.stand_in_below or request(n).kind == "advice"
            assert one.kind is (DecisionKind.APPROVE if kept else DecisionKind.DECLINE)
            again = desk.decide(request(n))
            assert again.repeated
            assert again.decision_id == one.decision_id
        assert desk.decide(request(1)).decision_id == before.decision_id
        with pytest.raises(StoreFull, match="nothing was changed"):
            desk.set_status("s", "card 1", CardStatus.BLOCKED)
        assert desk.journal.end == end
        assert "the engine stands in" in caplog.text
    # There is room again: it goes on, and what it answered meanwhile is counted and known.
    after = desk.decide(request(30_000))
    assert after.reasons != ("stand_in",)
    again = desk.decide(request(20_000))
    assert (again.repeated, again.decision_id) == (True, small[0].decision_id)
    label = FraudLabel("l", small[0].decision_id, True, LabelSource.REPORT, BEGIN)
    assert desk.learn(label)
    desk.set_status("s", "card 1", CardStatus.BLOCKED)
    same(desk.engine.memory, played_again(desk))
    desk.close()
    desk = opened(tmp_path, now=now)
    assert desk.decide(request(20_000)).decision_id == small[0].decision_id
    desk.close()


def test_a_write_that_fails_in_the_middle_makes_the_state_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [BEGIN]
    desk = opened(tmp_path, now=now)
    first = [desk.decide(request(number)) for number in range(30)]

    def broken(_entry: object) -> int:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(desk.journal, "write", broken)
    told = desk.decide(request(50))
    assert told.reasons == ("stand_in",)
    assert desk.decide(request(51)).reasons == ("stand_in",)
    now[0] += 60
    assert desk.decide(request(52)).reasons != ("stand_in",)
    assert desk.decide(request(50)).decision_id == told.decision_id
    assert [desk.decide(request(number)).decision_id for number in range(30)] == [
        one.decision_id for one in first
    ]
    same(desk.engine.memory, played_again(desk))
    desk.close()


def test_one_process_at_a_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING"):
        desk = open_desk(tmp_path, clock=lambda: BEGIN)
    assert "no model was given: policy default-1@" in caplog.text
    assert desk.decide(request(1)).policy.startswith("default-1@")
    with pytest.raises(Conflict, match="in use"):
        opened(tmp_path)
    desk.close()
    opened(tmp_path).close()


def test_followers_read_every_decision_once_and_in_order(tmp_path: Path) -> None:
    desk = opened(tmp_path)
    cursor, seen = 0, []
    for number in range(200):
        play(desk, number)
        if number % 7 == 0:
            while part := desk.after(cursor, 3):
                cursor = part[-1].cursor
                seen += part
    seen += desk.after(cursor, 1_000)
    assert seen == desk.after(0, 1_000)
    assert desk.after(seen[-1].cursor, 5) == []
    with pytest.raises(Conflict, match="beyond"):
        desk.after(desk.journal.end + 1, 5)
    desk.close()


def test_durable_waits_for_the_disk_only_where_asked(tmp_path: Path) -> None:
    async def rounds(desk: LiveDesk) -> None:
        for number in range(3):
            desk.decide(request(number))
            end = desk.journal.end
            await asyncio.gather(*(desk.durable() for _ in range(5)))
            assert (desk.journal.synced >= end) == (desk._sync)

    for sync in (True, False):
        desk = opened(tmp_path / str(sync), sync=sync)
        asyncio.run(rounds(desk))
        desk.close()


def plain_requests(count: int) -> list[AuthorizationRequest]:
    rng = np.random.default_rng(5)
    at = BEGIN
    told = []
    for number in range(count):
        at += int(rng.choice((0, 5, 4_000, 40_000)))
        told.append(AuthorizationRequest(
            f"r{number}", f"card {rng.integers(20)}", f"acq {rng.integers(2)}",
            f"shop {rng.integers(15)}", at, at, int(rng.integers(0, 60_000)), "392",
            entry_mode=str(rng.choice(("", "051", "810", "100", "07"))),
            eci=str(rng.choice(("", "05", "06", "07", "2"))),
            code_result=str(rng.choice(("absent", "match", "no_match"))),
            country=str(rng.choice(("", "392", "840"))),
        ))  # fmt: skip
    return told


def test_features_online_are_those_of_the_exported_history(tmp_path: Path) -> None:
    """To the last bit: what is exported and read for training gives what the engine saw."""
    desk = opened(tmp_path / "data")
    online = []
    for one in plain_requests(1_500):
        desk.decide(one)
        online.append(desk.engine.features.copy())
    desk.close()
    done = CliRunner().invoke(
        program(), ["journal", "export", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert "1,500 authorizations" in done.output
    request = InputRequest((tmp_path / "out" / "authorizations.parquet",), timezone="UTC")
    history = read_history(request, tmp_path / "work", "1GB", Silent())
    assert 0 < int(history.of.approved.sum()) < 1_500
    state = new_state(history.cards, history.merchants, utc_offset=OFTEN.utc_offset)
    _, offline = kernel.run(state, history.of, no_labels())
    assert offline.tobytes() == np.array(online).tobytes()


def test_an_export_holds_what_trace_reads_and_check_finds_damage(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    desk = opened(data)
    lines = [play(desk, number) for number in range(400)]
    desk.close()
    run = CliRunner().invoke
    assert run(program(), ["journal", "export", str(data), "--out", str(out)]).exit_code == 0
    rows = pq.read_table(out / "authorizations.parquet").to_pylist()
    purchases = [row for row in rows if row["message_type"] != "reversal"]
    assert len({row["transaction_id"] for row in purchases}) == len(purchases)
    assert sum(line == "reversed True" for line in lines) == len(rows) - len(purchases) > 0
    frauds = pq.read_table(out / "fraud.parquet").to_pylist()
    assert {row["transaction_id"] for row in frauds} == {
        row["transaction_id"] for row in purchases if row["is_fraud"]
    }
    answers = pq.read_table(out / "answers.parquet")
    assert answers.num_rows == sum(line == "learnt True" for line in lines) > len(frauds) > 0
    files = ["--fraud", str(out / "fraud.parquet"), "--out", str(tmp_path / "trace")]
    traced = run(program(), ["trace", str(out / "authorizations.parquet"), *files])
    assert traced.exit_code in (0, 3), traced.output
    told = json.loads((tmp_path / "trace" / "findings.json").read_text("utf-8"))
    assert told["schema"] == "sekisho.findings/1"

    assert run(program(), ["journal", "check", str(data)]).exit_code == 0
    cards = snapshots(data / "snapshots")[0].path / "cards.bin"
    content = bytearray(cards.read_bytes())
    content[5] ^= 1
    cards.write_bytes(content)
    found = run(program(), ["journal", "check", str(data)])
    assert "cards.bin" in str(found.exception)
    nothing = run(program(), ["journal", "check", str(tmp_path / "nothing")])
    assert isinstance(nothing.exception, BadInput)


def test_what_is_older_than_it_is_kept_goes(tmp_path: Path) -> None:
    now = [BEGIN]
    for day in (0, 1, 402, 403):
        now[0] = BEGIN + day * 86_400
        desk = opened(tmp_path, now=now)
        for number in range(1_000 * day, 1_000 * day + 30):
            desk.decide(request(number))
        desk._snapshooter.write(desk.engine.memory)
        desk._forget()
        desk.close()
    assert len(list((tmp_path / "journal").glob("*.journal"))) == 3
    desk = opened(tmp_path, now=now)
    assert len(desk.after(0, 1_000)) == 90
    desk.close()


@pytest.mark.parametrize("text", [
    "", "version = 3", "nonsense", 'version = "1"\nrule = 3', 'version = "1"\nrules = 3',
    'version = "1"\n[[rules]]\nname = "a"\nwhen = "amout > 1.0"\naction = "ask"',
    'version = "1"\n[[rules]]\nname = "a"\nwhen = "true"\naction = "refuse"',
    'version = "1"\n[[rules]]\nname = "a"\nwhen = "true"\naction = "ask"\nshadow = 1',
    'version = "1"\n[[thresholds]]\nup_to = "x"\nask_from = 0\ndecline_from = 1',
])  # fmt: skip
def test_what_is_wrong_with_a_policy_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(BadInput):
        open_desk(tmp_path / "data", clock=lambda: BEGIN, policy=file)
    assert not (tmp_path / "data").exists()


def test_lists_of_the_policy_are_heard(tmp_path: Path) -> None:
    asked = request(1)
    file = tmp_path / "policy.toml"
    file.write_text(
        'version = "1"\n[[lists]]\nname = "denied"\nof = "merchant"\n[[lists.entries]]\n'
        f'value = "{asked.acquirer_id}/{asked.merchant_id}"\nreason = "takes stolen cards"\n'
        '[[rules]]\nname = "denied"\nwhen = \'merchant in list("denied")\'\naction = "decline"\n',
        "utf-8",
    )
    desk = open_desk(tmp_path / "data", clock=lambda: BEGIN, policy=file)
    told = desk.decide(asked)
    assert (told.kind, told.reasons) == (DecisionKind.DECLINE, ("denied",))
    elsewhere = replace(request(2), merchant_id="another")
    assert desk.decide(elsewhere).kind is DecisionKind.APPROVE
    desk.close()
