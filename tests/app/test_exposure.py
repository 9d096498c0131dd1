"""``sekisho exposure`` from the outside: traces and alert files become the watch list."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from invented_cards import invented_cards
from sekisho.app.exposed_cards import watched_cards
from sekisho.app.program import program
from sekisho.domain.errors import BadInput, ClearCardNumbers, SekishoError
from sekisho.store.database import Database, Outside
from sekisho.store.migrate import migrate
from sekisho.store.people import add_person
from sekisho.store.transaction import Store
from sekisho.vault.keys import KeyKind, read_ring
from sekisho.vault.pan import parse
from sekisho.vault.surrogate import CardRefs
from store.making import Clock, entropy

CARDS = invented_cards(np.random.default_rng(8), 5)
MAPPING = """
schema = "sekisho.alert-mapping/1"
source = "scheme"
expiry_form = "YYMM"
[columns]
pan = "PAN"
expiry = "EXP"
[constants]
alert_id = "架空/31-0007"
elements = ["pan", "expiry", "security_code"]
window_start = 2030-06-01
window_end = 2030-12-31
received_on = 2031-03-01
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    url = f"sqlite:///{tmp_path}/s.db"
    database = Database(url, outside=Outside(Clock(), entropy(b"x"), lambda _: None))
    migrate(database)
    store = Store(database, database.outside)
    for person, role in (("a-1", "administrator"), ("a-2", "analyst")):
        with store.transaction("person:a-1", "first day") as tx:
            add_person(tx, person, "架空", (role,))
    database.close()
    return tmp_path


def call(folder: Path, *words: object, code: int = 0) -> str:
    environment = {"SEKISHO_DATABASE": f"sqlite:///{folder}/s.db", "SEKISHO_PERSON": "a-2"}
    done = CliRunner().invoke(program(), [str(word) for word in words], env=environment)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    assert not [card for card in CARDS if card[6:] in done.output]
    return done.output


def trace_folder(folder: Path, refs: list[str], **more: object) -> Path:
    out = folder / "trace"
    out.mkdir()
    finding = {
        "entity_kind": "merchant", "entity_id": "A01/M7", "window_start": "2030-06-01",
        "window_end": "2030-12-31", "data_taken": ["pan", "expiry", "security_code"],
    }  # fmt: skip
    document = {"schema": "sekisho.findings/1", "as_of": "2031-02-28", "findings": [finding | more]}
    (out / "findings.json").write_text(json.dumps(document), "utf-8")
    count = len(refs)
    table = {
        "card_ref": refs, "entity_kind": ["merchant"] * count, "entity_id": ["A01/M7"] * count,
        "last_exposed_at": [datetime(2030, 7, 1, 12)] * count,  # noqa: DTZ001 - wall clock
    }  # fmt: skip
    pq.write_table(pa.table(table), out / "exposed_cards.parquet")
    return out


def card_file(folder: Path, refs: list[str]) -> Path:
    path = folder / "cards.csv"
    lines = ["card_ref,opened_on,closed_on,expires_on,replaced_by"]
    lines += [f"{ref},2028-01-05,,2033-05-31," for ref in refs[:3]]
    lines += [f"{refs[3]},2031-01-05,,2036-01-31,"]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def key_and_refs(folder: Path) -> tuple[Path, list[str]]:
    path = folder / "card.key"
    call(folder, "key", "new", "--out", path)
    refs = CardRefs(read_ring(path, KeyKind.CARD).active)
    return path, [refs.of(parse(card).pan) for card in CARDS]  # type: ignore[arg-type]


def test_an_alert_of_a_scheme_becomes_the_watch_list(folder: Path) -> None:
    key, refs = key_and_refs(folder)
    (folder / "m.toml").write_text(MAPPING, "utf-8")
    rows = [f"{CARDS[0]},3305", f"{CARDS[0]},3305", f"{CARDS[1]},3005", f"{CARDS[3]},3601",
            f"{CARDS[4]},3305", "nothing,3305"]  # fmt: skip
    (folder / "alert.csv").write_text("PAN,EXP\n" + "\n".join(rows) + "\n", "utf-8")
    words = ("exposure", "import", folder / "alert.csv", "--mapping", folder / "m.toml",
             "--card-key", key, "--cards", card_file(folder, refs), "--on", "2031-03-01",
             "--reason", "alert of today")  # fmt: skip
    told = call(folder, *words, "--try", code=3)
    assert "would be" in told
    assert "No alert has been imported" in call(folder, "exposure", "list")
    told = call(folder, *words, code=3)
    for line in ("in the alert 6", "not readable, kept apart 1", "named before by this alert 1",
                 "already reissued 1", "issued after the window 1", "not in the card file 1",
                 "active 1", "watched 1"):  # fmt: skip
        assert line in " ".join(told.split()), line
    assert "duplicate" not in told
    again = " ".join(call(folder, *words, code=3).split())
    assert "named before by this alert 2" in again
    assert "watched 0" in again
    shown = call(folder, "exposure", "show", "架空/31-0007", "--cards", "--left-out")
    assert refs[0] in shown
    assert "2033-05-31" in shown
    assert "alert.csv, row 7: unreadable: pan: not a card number" in shown
    assert "outbox" not in shown
    jobs = call(folder, "outbox", "list")
    assert "2 waiting" in jobs
    call(folder, "exposure", "clear", "架空/31-0007", "--reason", "the scheme took it back")
    assert "cleared" in call(folder, "exposure", "list")


def test_the_findings_of_a_trace_become_the_watch_list(folder: Path) -> None:
    out = trace_folder(folder, ["own-1", "own-2"])
    told = call(folder, "exposure", "import", out, "--reason", "traced", "--on", "2031-03-01")
    assert "trace/2031-02-28/merchant/A01/M7" in told
    assert "watched 2" in " ".join(told.split())
    assert "No card file was given" in told
    first, _ = watched_cards([out], "Asia/Tokyo")
    assert first.data_taken == ("pan", "expiry", "security_code")
    assert first.exposed_at == 1_909_105_200  # 2030-07-01T12:00+09:00
    assert first.known_at == 1_930_057_199  # the end of 2031-02-28 in Japan


def test_where_the_misuse_tells_nothing_the_least_that_pays_is_taken(folder: Path) -> None:
    out = trace_folder(folder, ["own-1"], data_taken=[])
    told = call(folder, "exposure", "import", out, "--reason", "traced", "--on", "2031-03-01")
    assert "taken: pan, expiry" in told


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        (("elements =", "place ="), "does not say what was taken"),
        (('"security_code"', '"shoe size"'), "'shoe size' is no data element"),
        (("2030-12-31", '"soon"'), "window_end is no date"),
        (('pan = "PAN"', 'bin = "PAN"\nlast4 = "EXP"'), "only a card file resolves"),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_kept(
    folder: Path, change: tuple[str, str], trouble: str
) -> None:
    key, _ = key_and_refs(folder)
    (folder / "m.toml").write_text(MAPPING.replace(*change), "utf-8")
    (folder / "alert.csv").write_text(f"PAN,EXP\n{CARDS[0]},3305\n", "utf-8")
    with pytest.raises(BadInput, match=trouble):
        call(folder, "exposure", "import", folder / "alert.csv", "--mapping", folder / "m.toml",
             "--card-key", key, "--reason", "alert of today")  # fmt: skip
    assert "No alert has been imported" in call(folder, "exposure", "list")


def test_card_numbers_where_references_belong_are_refused(folder: Path) -> None:
    with pytest.raises(ClearCardNumbers):
        call(folder, "exposure", "import", trace_folder(folder, CARDS), "--reason", "traced")
    (folder / "cards.csv").write_text("card_ref\n" + "\n".join(CARDS) + "\n", "utf-8")
    (folder / "trace").rename(folder / "old")
    with pytest.raises(ClearCardNumbers):
        call(folder, "exposure", "import", trace_folder(folder, ["own-1"]), "--cards",
             folder / "cards.csv", "--reason", "traced")  # fmt: skip
    with pytest.raises(SekishoError, match="nothing says what its columns are"):
        call(folder, "exposure", "import", folder / "cards.csv", "--reason", "traced")
