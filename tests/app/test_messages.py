"""Messages from the plan to what became of them, against a real mail server and real databases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from gateways import bounce_samples as samples
from mail_server import Kept, Running
from message_world import (
    approve_and_release,
    by_mail,
    new_store,
    plan_list,
    settings_in,
)
from postgres_server import PostgresServer
from sekisho.app.message_export import export_calls, export_letters
from sekisho.app.message_settings import MessageSettings
from sekisho.app.message_worker import release_mailing, send_until_done
from sekisho.app.messaging import (
    messages_named,
    note_states,
    read_reports,
    take_event,
    verify_number,
)
from sekisho.domain.errors import BadInput, NotAllowed, SekishoError
from sekisho.domain.message import FOLLOWING, Channel, MessageState, follow, may_follow
from sekisho.domain.progress import Silent
from sekisho.gateways.inbound.webhook.events import DeliveryEvent
from sekisho.store.messages import by_number, counts, erase_recipients, reasons
from sekisho.store.outbox import RetryPolicy
from sekisho.store.proposals import approve
from sekisho.store.tables import audit_entry
from sekisho.store.tables_messages import message
from sekisho.store.transaction import Store
from sekisho.store.verify import verify

POLICY = RetryPolicy(attempts=30, first_s=0.2, longest_s=1.0, lease_s=2.0)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/sekisho.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    one = new_store(url)
    yield one
    one.database.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Store]:
    one = new_store(f"sqlite:///{tmp_path}/data/sekisho.db")
    yield one
    one.database.close()


def send(store: Store, settings: MessageSettings, mailing_id: str) -> None:
    send_until_done(store, settings, mailing_id, Silent(), POLICY)


def states(store: Store, mailing_id: str) -> dict[str, int]:
    with store.read() as connection:
        return {f"{way}/{state}": n for (way, state), n in counts(connection, mailing_id).items()}


def test_a_mailing_on_both_databases(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    names = ["a@example.com", "refuse.b@example.com", "grey.c@example.com", "drop.d@example.com",
             "never.e@example.com", "busy.f@example.com",
             *(f"u{n}@example.com" for n in range(90))]  # fmt: skip
    with Running(Kept(log=log)) as server:
        settings = settings_in(tmp_path, port=server.port, log=log)
        planned = plan_list(store, settings, tmp_path, by_mail(*names))
        assert states(store, planned.mailing_id) == {"email/planned": 96}
        with pytest.raises(SekishoError):
            release_mailing(store, planned.mailing_id, "person:ben", "alone")
        assert approve_and_release(store, planned) == 96
        assert release_mailing(store, planned.mailing_id, "person:ben", "again") == 0
        send(store, settings, planned.mailing_id)
    assert server.kept.recipients == {name: 1 for name in names if "refuse" not in name}
    assert states(store, planned.mailing_id) == {"email/sent": 95, "email/failed": 1}
    with store.read() as connection:
        assert verify(connection).intact
    ids = Counter(
        one for details in audit_details(store, "message.begin") for one in details["messages"]
    )
    assert len(ids) == 96, "the log tells of every attempt"


def audit_details(store: Store, action: str) -> list[dict[str, list[int]]]:
    with store.read() as connection:
        found = connection.execute(
            select(audit_entry.c.details).where(audit_entry.c.action == action)
        )
        return [json.loads(row.details) for row in found]


def test_who_plans_cannot_approve(local: Store, tmp_path: Path) -> None:
    planned = plan_list(local, settings_in(tmp_path), tmp_path, by_mail("a@example.com"))
    with pytest.raises(NotAllowed), local.transaction("person:ben", "me too") as tx:
        approve(tx, planned.proposal.proposal_id, planned.proposal.payload_hash)


def test_what_may_not_go_is_kept_back_with_its_reason(local: Store, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    rows = [
        "r1,架空 花子,a@example.com,,,",
        "r2,\U0001b000 花子,,東京都架空区1-1,,letter",
        "r3,至急 太郎,b@example.com,,,",
        "r4,架空\u200b花子,c@example.com,,,",
        "r5,架空 三郎,,東京都架空区1-1,,letter",
    ]
    planned = plan_list(local, settings, tmp_path, rows)
    assert planned.messages == {Channel.EMAIL: 2, Channel.LETTER: 1}
    assert planned.held == {
        "not in the typeface: \U0001b000 (U+1B000)": 1,
        "no-hidden-characters": 1,
    }
    incomplete = plan_list(local, settings, tmp_path, rows[:1], kind="reissue")
    assert "last4 is missing" in next(iter(incomplete.held))
    assert not incomplete.messages


def test_a_text_that_changed_after_approval_is_not_sent(local: Store, tmp_path: Path) -> None:
    with Running(Kept()) as server:
        settings = settings_in(tmp_path, port=server.port)
        planned = plan_list(local, settings, tmp_path, by_mail("a@example.com", "b@example.com"))
        approve_and_release(local, planned)
        with local.transaction("system:test", "tampering") as tx:
            tx.execute(update(message).where(message.c.reference == "r0").values(text_sha256="0"))
            tx.record("test.tamper", "message:r0")
        send(local, settings, planned.mailing_id)
    assert server.kept.recipients == {"b@example.com": 1}
    with local.read() as connection:
        why = reasons(connection, planned.mailing_id, MessageState.HELD)
    assert why == {"the text is not what was approved": 1}


def test_without_a_log_doubt_stays_or_is_sent_again_by_policy(local: Store, tmp_path: Path) -> None:
    names = by_mail("drop.a@example.com", "never.b@example.com", "c@example.com")
    with Running(Kept()) as server:
        settings = settings_in(tmp_path, port=server.port)
        first = plan_list(local, settings, tmp_path, names)
        approve_and_release(local, first)
        send(local, settings, first.mailing_id)
        assert states(local, first.mailing_id) == {"email/in_doubt": 2, "email/sent": 1}
        assert max(server.kept.recipients.values()) == 1, "nobody twice"
    with Running(Kept()) as server:
        settings = settings_in(tmp_path, port=server.port, in_doubt="never_missed")
        second = plan_list(local, settings, tmp_path, names)
        approve_and_release(local, second)
        send(local, settings, second.mailing_id)
        assert states(local, second.mailing_id) == {"email/sent": 3}
        assert set(server.kept.recipients) == {
            "drop.a@example.com", "never.b@example.com", "c@example.com",
        }  # fmt: skip


def test_reports_and_events_move_states_forward_only(local: Store, tmp_path: Path) -> None:
    with Running(Kept()) as server:
        settings = settings_in(tmp_path, port=server.port)
        planned = plan_list(local, settings, tmp_path, by_mail("a@example.com", "b@example.com"))
        approve_and_release(local, planned)
        send(local, settings, planned.mailing_id)
    with local.read() as connection:
        numbers = [row.number for row in connection.execute(select(message).order_by(
            message.c.message_id))]  # fmt: skip
    token = numbers[0].replace("-", "").lower().encode()
    mails = [one.replace(samples.TOKEN.encode(), token) for one in samples.ALL]
    domains = frozenset({"example.jp", "b.example.jp"})
    found = read_reports(local, mails, domains)
    assert found.delayed == 1
    assert sum(found.unread.values()) == 4
    with local.read() as connection:
        one = by_number(connection, numbers[0])
    assert one is not None
    assert one.state is MessageState.COMPLAINED
    again = read_reports(local, mails, domains)
    assert not again.changed
    assert take_event(local, DeliveryEvent(numbers[1], "delivered", False, ""))
    assert not take_event(local, DeliveryEvent(numbers[1], "delivered", False, ""))
    assert not take_event(local, DeliveryEvent("2222-2222-2222-2", "bounced", True, ""))
    assert verify_number(local, numbers[1].lower()).genuine
    assert verify_number(local, numbers[1][:-1]).reason == "mistyped"


def test_letters_and_calls_are_written_again_alike(local: Store, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    rows = [f"r{n},架空 {n}郎,,東京都架空区{n}-1,,letter" for n in range(3)]
    rows.append("p1,架空 花子,,,090-0000-0000,phone")
    planned = plan_list(local, settings, tmp_path, rows)
    mailing = planned.mailing_id
    with pytest.raises(BadInput, match="is not released"):
        export_letters(local, settings, mailing, tmp_path / "early", Silent())
    approve_and_release(local, planned)
    for name in ("one", "two"):
        assert export_letters(local, settings, mailing, tmp_path / name, Silent()) == (3, 0)
    assert (tmp_path / "one/letters-0001.pdf").read_bytes() == (
        tmp_path / "two/letters-0001.pdf"
    ).read_bytes()
    assert states(local, mailing) == {"letter/rendered": 3, "phone/approved": 1}
    with pytest.raises(BadInput, match="exists"):
        export_letters(local, settings, mailing, tmp_path / "one", Silent())
    assert export_calls(local, settings, mailing, tmp_path / "calls", Silent()) == (1, 0)
    assert "090-0000-0000" in (tmp_path / "calls/calls.csv").read_text(encoding="utf-8-sig")
    letters = messages_named(local, [mailing], Channel.LETTER)
    posted = {"why": "posted", "actor": "person:ben"}
    assert note_states(local, letters, MessageState.SENT, **posted) == 3
    returned = messages_named(local, [letters[0].number], Channel.LETTER)
    assert note_states(local, returned, MessageState.RETURNED, why="", actor="person:ben") == 1
    assert note_states(local, returned, MessageState.SENT, **posted) == 0
    assert states(local, mailing)["letter/returned"] == 1
    with local.transaction("person:adm", "the time is up") as tx:
        assert erase_recipients(tx, mailing) == 3
    assert all(one.recipient is None for one in messages_named(local, [mailing], Channel.LETTER))


def test_states() -> None:
    assert set(FOLLOWING) == set(MessageState)
    assert may_follow(MessageState.SENDING, MessageState.IN_DOUBT)
    assert not may_follow(MessageState.SENT, MessageState.SENDING), "sent is never sent again"
    assert not may_follow(MessageState.DELIVERED, MessageState.RENDERED)
    with pytest.raises(BadInput):
        follow(MessageState.FAILED, MessageState.SENT)
    reached, waiting = set(), {MessageState.PLANNED}
    while waiting:
        reached |= waiting
        waiting = {after for one in waiting for after in FOLLOWING[one]} - reached
    assert reached == set(MessageState)


SENDER = """
import sys
from pathlib import Path
from message_world import new_store, read_settings, real_outside
from sekisho.app.message_worker import send_until_done
from sekisho.domain.progress import Silent
from sekisho.store.database import Database
from sekisho.store.outbox import RetryPolicy
from sekisho.store.transaction import Store

url, settings, mailing = sys.argv[1:]
outside = real_outside()
store = Store(Database(url, outside=outside), outside)
policy = RetryPolicy(attempts=30, first_s=0.2, longest_s=1.0, lease_s=1.0)

send_until_done(store, read_settings(Path(settings)), mailing, Silent(), policy)
store.database.close()
"""


def test_killed_in_the_middle_nobody_twice_nobody_missed(local: Store, tmp_path: Path) -> None:
    """The sending process is killed with SIGKILL again and again, at any moment."""
    log = tmp_path / "mail.log"
    names = [f"u{n}@example.com" for n in range(700)]
    with Running(Kept(log=log)) as server:
        settings = settings_in(tmp_path, port=server.port, log=log, settle_s=0.3)
        planned = plan_list(local, settings, tmp_path, by_mail(*names))
        approve_and_release(local, planned)
        kills = 0
        for moment in (120, 390, 10_000):
            process = start_sender(local, tmp_path, planned.mailing_id)
            aim = min(moment, len(names))
            while process.poll() is None and len(server.kept.accepted) < aim:
                time.sleep(0.002)
            if moment < len(names) and process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
            process.wait(timeout=900)
    assert kills == 2
    assert server.kept.recipients == dict.fromkeys(names, 1)
    assert states(local, planned.mailing_id) == {"email/sent": 700}
    found = audit_details(local, "message.in_doubt")
    assert sum(len(one["messages"]) for one in found) > 0, "a kill left something in doubt"


def start_sender(store: Store, folder: Path, mailing_id: str) -> subprocess.Popen[bytes]:
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join([str(root / "src"), str(root / "tests")])
    command = [sys.executable, "-c", SENDER, f"sqlite:///{store.database.path}",
               str(folder / "messages.toml"), mailing_id]  # fmt: skip
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})
