"""An issuer that asks its holders; all names are invented, the clock is the test's."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from asking.paper_desk import PaperDesk
from message_world import SETTINGS
from sekisho.app.asking.asking import TICK, Asking
from sekisho.app.asking.desk import DirectLine, desk_handlers
from sekisho.app.asking.following import CaseTick, Follower
from sekisho.app.asking.service import open_asking
from sekisho.app.asking.standing import propose_texts
from sekisho.domain.asking import Answer, Answered, AnswerGiven, HolderCase, Way
from sekisho.domain.authorization import AuthorizationRequest, Decision
from sekisho.domain.message import Channel
from sekisho.store import cases
from sekisho.store.database import Database, Outside
from sekisho.store.holders import Holder, put_holders
from sekisho.store.messages import release
from sekisho.store.migrate import migrate
from sekisho.store.outbox import Handler, Outbox, RetryPolicy
from sekisho.store.people import add_person
from sekisho.store.proposals import approve
from sekisho.store.tables_messages import message
from sekisho.store.transaction import Store
from sekisho.store.worker import Worker
from sekisho.vault.keys import write_key
from store.making import Clock, entropy

# 00:30 of 18 August in Japan: night.
MIDNIGHT = datetime(2027, 8, 17, 15, 30, tzinfo=UTC)
NOON = datetime(2027, 8, 18, 3, 0, tzinfo=UTC)
HANAKO = "c-hanako"
TARO = "c-taro"
NOBODY = "c-nobody"
HOLDERS = (
    (
        HANAKO,
        Holder(
            "ja", "Asia/Tokyo", "架空 花子", greeting="さくら", last4="1234",
            ways=((Channel.PUSH, "app-1"), (Channel.SMS, "+819000000001"),
                  (Channel.PHONE, "+819000000001")),
        ),
    ),
    (
        TARO,
        Holder("en", "Europe/London", "Taro Kakuu", ways=((Channel.EMAIL, "taro@taro.example"),)),
    ),
)  # fmt: skip
PEOPLE = (
    ("adm", "administrator"), ("ben", "responder"), ("chie", "approver"), ("dai", "desk"),
)  # fmt: skip


@dataclass
class World:
    """Everything, and the steps that a test takes."""

    store: Store
    clock: Clock
    desk: PaperDesk
    asking: Asking
    folder: Path
    handlers: dict[str, Handler] = field(default_factory=dict)
    count: int = 0

    @property
    def settings(self) -> Path:
        return self.folder / "messages.toml"

    def buy(self, card_ref: str = HANAKO, amount: int = 70_000, **more: Any) -> Decision:
        """A purchase now, at the invented shop, for the engine to decide."""
        self.count += 1
        now = int(self.clock.now.timestamp())
        values: dict[str, Any] = {
            "request_id": f"r{len(self.desk.told) + self.count}",
            "card_ref": card_ref,
            "acquirer_id": "a1",
            "merchant_id": "m1",
            "merchant_name": "架空ガジェット",
            "authorized_at": now,
            "received_at": now,
            "amount_minor": amount,
            "currency": "392",
            "country": "392",
            "mcc": "5732",
        }
        return self.desk.decide(AuthorizationRequest(**{**values, **more}))

    def follow(self) -> int:
        return Follower(self.asking, self.desk).follow_once(500)

    def work(self, rounds: int = 20) -> None:
        """Run every job that is due."""
        kinds = {
            TICK: CaseTick(self.asking), **desk_handlers(DirectLine(self.desk)), **self.handlers,
        }  # fmt: skip
        chance = np.random.default_rng(1)
        policy = RetryPolicy(attempts=5, first_s=0.1, longest_s=0.1, lease_s=60)
        outbox = Outbox(self.store.database, self.store.outside, chance=chance, policy=policy)
        worker = Worker(self.store, outbox, kinds, name="test", threads=1)
        for _ in range(rounds):
            if not worker.run_once(threading.Event()):
                return

    def forward(self, **span: float) -> None:
        self.clock.forward(**span)
        self.work()

    def say(self, asked: str, answer: Answer, way: Way = Way.APP, **more: str) -> Answered:
        self.count += 1
        who = "person:dai" if way is Way.AGENT else "system:app"
        values = {"answer_id": f"answer-{self.count}", "who": who, **more}
        return self.asking.answer(AnswerGiven(asked=asked, answer=answer, way=way, **values))

    def case(self, asked: str) -> HolderCase:
        with self.store.read() as connection:
            return cases.find_case(connection, asked)

    def messages(self) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(message).order_by(message.c.message_id)))

    def channels(self) -> list[str]:
        return [one.channel for one in self.messages()]


def new_world(
    url: str,
    folder: Path,
    *,
    extra: str = "",
    top: str = "",
    at: datetime = MIDNIGHT,
    approved: bool = True,
) -> World:
    clock = Clock(at)
    outside = Outside(clock, entropy(b"asking"), lambda _: None)
    database = Database(url, outside=outside)
    migrate(database)
    store = Store(database, outside)
    for person_id, role in PEOPLE:
        with store.transaction("person:adm", "first day") as tx:
            add_person(tx, person_id, "架空", (role,))
    with store.transaction("person:ben", "contacts") as tx:
        put_holders(tx, HOLDERS)
    (folder / "messages.toml").write_text(top + SETTINGS + extra, encoding="utf-8")
    if not (folder / "numbers.key").exists():
        write_key(folder / "numbers.key", bytes(range(32)))
    if approved:
        approve_texts(store, folder / "messages.toml")
    asking = open_asking(store, folder / "messages.toml")
    return World(store, clock, PaperDesk(folder / "desk.jsonl"), asking, folder)


def approve_texts(store: Store, settings: Path) -> None:
    for mailing_id, proposal in propose_texts(store, settings, "person:ben", "so we ask").items():
        with store.transaction("person:chie", "read and agreed") as tx:
            approve(tx, proposal.proposal_id, proposal.payload_hash)
        with store.transaction("person:ben", "approved") as tx:
            release(tx, mailing_id, 500)
