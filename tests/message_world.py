"""A whole installation for messages: settings, people, a list, a store. Names are invented."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from sekisho.app.message_list import read_list
from sekisho.app.message_settings import MessageSettings, read_settings
from sekisho.app.message_worker import release_mailing
from sekisho.app.message_writing import Writer
from sekisho.app.messaging import PER_JOB, Planned, plan_mailing
from sekisho.domain.progress import Silent
from sekisho.rulebook.templates import load
from sekisho.store.database import Database, Outside
from sekisho.store.messages import release
from sekisho.store.migrate import migrate
from sekisho.store.people import add_person
from sekisho.store.proposals import approve
from sekisho.store.transaction import Store
from sekisho.vault.keys import write_key

VALUES = {
    "shop": "架空堂オンライン",
    "told_on": "2026-07-26",
    "stopped_on": "2026-07-26",
    "period_from": "2024-01-01",
    "period_until": "2026-07-26",
    "data": "カード番号、有効期限、セキュリティコード",
}
SECRET = bytes(range(32))
SETTINGS = """
number_key = "numbers.key"
[sender]
name = "架空カード株式会社"
phone = "0120-000-000"
hours = "9時から18時、土日祝日も受付"
home_page = "https://www.example.jp/"
address = ["〒100-0000 東京都架空区関所町1-1"]
[sender.en]
name = "Kakuu Card"
hours = "9:00 to 18:00 every day"
[letter]
era = true
"""
MAIL = """
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
from = "notice@example.jp"
bounces = "bounce@b.example.jp"
settle_s = {settle_s}
retry_waits_s = [0.2, 0.2, 0.2]
connections = 3
carriers = "carriers.toml"
in_doubt = "{in_doubt}"
timeout_s = 120
{logs}
"""
CARRIERS = """
valid_from = 2026-01-01
[[group]]
name = "other"
domains = []
per_second = 5000.0
burst = 5000
"""


def real_outside() -> Outside:
    return Outside(lambda: datetime.now(tz=UTC), os.urandom, time.sleep)  # noqa: TID251


def new_store(url: str) -> Store:
    outside = real_outside()
    database = Database(url, outside=outside)
    migrate(database)
    store = Store(database, outside)
    for person_id, role in (("adm", "administrator"), ("ben", "responder"), ("chie", "approver")):
        with store.transaction("person:adm", "first day") as tx:
            add_person(tx, person_id, "架空", (role,))
    return store


def settings_in(
    folder: Path,
    *,
    port: int | None = None,
    log: Path | None = None,
    in_doubt: str = "never_twice",
    settle_s: float = 0.5,
) -> MessageSettings:
    text = SETTINGS
    if port is not None:
        logs = f'logs = ["{log}"]' if log else ""
        text += MAIL.format(port=port, logs=logs, in_doubt=in_doubt, settle_s=settle_s)
    (folder / "messages.toml").write_text(text, encoding="utf-8")
    (folder / "carriers.toml").write_text(CARRIERS, encoding="utf-8")
    if not (folder / "numbers.key").exists():
        write_key(folder / "numbers.key", SECRET)
    return read_settings(folder / "messages.toml")


def writer_of(settings: MessageSettings, kind: str = "first_word") -> Writer:
    on = datetime(2026, 11, 23, tzinfo=UTC).date()
    return Writer(kind, on, settings.senders, VALUES, load(settings.templates), settings.era)


def plan_list(
    store: Store, settings: MessageSettings, folder: Path, rows: list[str], kind: str = "first_word"
) -> Planned:
    """Plan the rows ``reference,name,email,address1,phone,channel``."""
    path = folder / "list.csv"
    head = "reference,name,email,address1,phone,channel"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return plan_mailing(
        store,
        writer_of(settings, kind),
        read_list(path).recipients,
        secret=SECRET,
        who=("person:ben", "the leak"),
        progress=Silent(),
    )


def approve_and_release(store: Store, planned: Planned, per_job: int = PER_JOB) -> int:
    with store.transaction("person:chie", "read and agreed") as tx:
        approve(tx, planned.proposal.proposal_id, planned.proposal.payload_hash)
    if per_job == PER_JOB:
        return release_mailing(store, planned.mailing_id, "person:ben", "approved")
    with store.transaction("person:ben", "approved") as tx:
        return release(tx, planned.mailing_id, per_job)


def by_mail(*names: str) -> list[str]:
    return [f"r{n},架空 {n}郎,{name},,," for n, name in enumerate(names)]
