"""An invented installation that writes to many people, for the benchmarks of mail and letters."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sekisho.app.message_list import Recipient
from sekisho.app.message_settings import MessageSettings, read_settings
from sekisho.app.message_worker import release_mailing
from sekisho.app.message_writing import Writer
from sekisho.app.messaging import Planned, plan_mailing
from sekisho.domain.message import Channel
from sekisho.domain.progress import Silent
from sekisho.rulebook.templates import load
from sekisho.store.database import Database, Outside
from sekisho.store.migrate import migrate
from sekisho.store.people import add_person
from sekisho.store.proposals import approve
from sekisho.store.transaction import Store
from sekisho.vault.keys import write_key

VALUES: Final = {
    "shop": "架空堂オンライン",
    "told_on": "2026-07-26",
    "stopped_on": "2026-07-26",
    "investigated_until": "2026-09-17",
    "reported_on": "2026-07-29",
    "period_from": "2024-01-01",
    "period_until": "2026-07-26",
    "cards": "107661",
    "data": "カード名義人名、カード番号、有効期限、セキュリティコード",
    "not_leaked": "住所、電話番号、パスワード",
    "cause": "システムの一部の脆弱性をついた不正アクセスにより、決済画面が書き換えられたためです。",
    "measures": "決済画面の改ざん検知を導入し、カード情報を当社の設備を通さない方式に改めました。",
    "delay_reason": "対象の方を確かめるため、調査の完了を待っておりました。",
}
_SECRET: Final = bytes(range(32))
_SETTINGS: Final = """
number_key = "numbers.key"
[sender]
name = "架空カード株式会社"
phone = "0120-000-000"
hours = "9時から18時、土日祝日も受付"
home_page = "https://www.example.jp/"
address = ["〒100-0000 東京都架空区関所町1-1"]
[letter]
era = true
[mail]
host = "127.0.0.1"
port = {port}
tls = "none"
from = "notice@example.jp"
bounces = "bounce@b.example.jp"
settle_s = 1
retry_waits_s = [1, 1, 1]
connections = 4
carriers = "carriers.toml"
logs = ["mail.log"]
[mail.dkim]
domain = "example.jp"
selector = "s1"
key_file = "dkim.pem"
"""
# The loopback is nobody's carrier: the pace of real ones would be measured, not Sekisho's.
_CARRIERS: Final = """
valid_from = 2026-01-01
[[group]]
name = "other"
domains = []
per_second = 10000.0
burst = 10000
"""


@dataclass(frozen=True)
class Installation:
    """A folder with settings and a database."""

    folder: Path
    settings: MessageSettings
    store: Store


def outside() -> Outside:
    """The real clock and chance."""
    return Outside(lambda: datetime.now(tz=UTC), os.urandom, time.sleep)  # noqa: TID251


def open_again(folder: Path) -> Store:
    """The store of the installation in ``folder``."""
    real = outside()
    return Store(Database(f"sqlite:///{folder}/sekisho.db", outside=real), real)


def install(folder: Path, port: int, dkim_pem: bytes) -> Installation:
    """A new installation in ``folder`` whose mail goes to ``port`` of the loopback."""
    (folder / "messages.toml").write_text(_SETTINGS.format(port=port), encoding="utf-8")
    (folder / "carriers.toml").write_text(_CARRIERS, encoding="utf-8")
    (folder / "dkim.pem").write_bytes(dkim_pem)
    write_key(folder / "numbers.key", _SECRET)
    store = open_again(folder)
    migrate(store.database)
    for person_id, role in (("adm", "administrator"), ("ben", "responder"), ("chie", "approver")):
        with store.transaction("person:adm", "first day") as tx:
            add_person(tx, person_id, "架空", (role,))
    return Installation(folder, read_settings(folder / "messages.toml"), store)


def people(count: int, channel: Channel) -> list[Recipient]:
    """Invented recipients, every one another."""
    return [
        Recipient(
            row=number,
            reference=f"r{number}",
            name=f"架空 {number}郎",
            honorific="",
            language="ja",
            channel=channel,
            postcode="1000000",
            address=("東京都架空区架空町一丁目2番3号", f"架空マンション {number}号室"),
            email=f"holder{number}@example.com",
            phone="",
            app_id="",
            values={},
        )
        for number in range(count)
    ]


def writer(settings: MessageSettings, kind: str) -> Writer:
    """The writer of invented notices."""
    on = datetime(2026, 11, 23, tzinfo=UTC).date()
    return Writer(kind, on, settings.senders, VALUES, load(None), settings.era)


def planned(made: Installation, recipients: Sequence[Recipient], kind: str) -> Planned:
    """A mailing to ``recipients``, approved and released."""
    plan = plan_mailing(
        made.store,
        writer(made.settings, kind),
        recipients,
        secret=_SECRET,
        who=("person:ben", "the leak"),
        progress=Silent(),
    )
    with made.store.transaction("person:chie", "agreed") as tx:
        approve(tx, plan.proposal.proposal_id, plan.proposal.payload_hash)
    release_mailing(made.store, plan.mailing_id, "person:ben", "approved")
    return plan
