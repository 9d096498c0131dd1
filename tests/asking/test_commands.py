"""``sekisho case`` and ``sekisho holder`` as a person at the desk types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asking.asking_world import HANAKO, World, new_world
from sekisho.app.asking.settings import read_asking
from sekisho.app.program import program
from sekisho.domain.asking import Answer, CaseState, Way
from sekisho.domain.errors import BadInput, Conflict, MissingColumn, NotAllowed
from sekisho.store.holders import holder_of

HEAD = "card_ref,name,language,channels,app_id,phone,email,time_zone,greeting,last4\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = new_world(f"sqlite:///{tmp_path}/sekisho.db", tmp_path)
    yield made
    made.desk.close()
    made.store.database.close()


def run(world: World, *words: str, person: str | None = "dai", width: int = 160) -> Any:
    database = ["--database", f"sqlite:///{world.store.database.path}"]
    who = ["--person", person] if person else []
    asked = [*words, *database, *who]
    done = CliRunner(env={"COLUMNS": str(width)}).invoke(program(list(words)), asked)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def shown(world: World, *words: str) -> Any:
    return json.loads(run(world, *words, "--json", person=None).output)


def test_the_desk_sees_and_answers(world: World) -> None:
    decision = world.buy()
    world.follow()
    told = shown(world, "case", "list")["cases"][0]
    assert (told["state"], told["purchases"][0]["amount_minor"]) == ("open", 70_000)
    assert "架空ガジェット" in run(world, "case", "list", person=None).output
    assert shown(world, "case", "list", "--waiting")["cases"] == []
    narrow = run(world, "case", "list", person=None, width=80).output
    assert told["case_id"] in narrow, "an id that is broken over lines cannot be copied"

    world.say(told["case_id"], Answer.NOT_MINE, Way.LINK)
    waiting = shown(world, "case", "list", "--waiting")["cases"]
    assert waiting[0]["needs"].startswith("call to confirm")
    with pytest.raises(Conflict, match="stopped"):
        run(world, "case", "close", told["case_id"], "--reason", "no")
    done = run(world, "case", "answer", decision.decision_id, "not_mine", "--reason", "called back")
    assert "block card" in done.output
    case = shown(world, "case", "show", told["case_id"])
    assert case["closed_as"] == "not_mine"
    assert {one["way"] for one in case["answers"]} == {"link", "agent"}
    assert case["drafts"]["fraud_report"]["card_ref"] == HANAKO
    assert "draft: reissue" in run(world, "case", "show", told["case_id"], person=None).output
    again = run(world, "case", "answer", told["case_id"], "mine", "--reason", "calls again")
    assert "changes nothing" in again.output


def test_unsure_is_told_what_else_there_was(world: World) -> None:
    decision = world.buy()
    world.follow()
    done = run(world, "case", "answer", decision.decision_id, "unsure", "--reason", "called")
    assert "架空ガジェット" in done.output
    assert "電化製品店" in done.output
    assert world.case(decision.decision_id).state is CaseState.OPEN


def test_who_may_not_is_refused(world: World) -> None:
    decision = world.buy()
    world.follow()
    for words in (
        ("case", "answer", decision.decision_id, "mine", "--reason", "x"),
        ("case", "close", decision.decision_id, "--reason", "x"),
    ):
        with pytest.raises(NotAllowed):
            run(world, *words, person="chie")
    assert world.case(decision.decision_id).state is CaseState.OPEN
    with pytest.raises(BadInput, match="no case"):
        run(world, "case", "show", "nothing", person=None)
    assert "unanswered" in run(
        world, "case", "close", decision.decision_id, "--reason", "gone"
    ).output  # fmt: skip


def test_contacts_are_taken_over_and_bad_rows_kept_apart(world: World, tmp_path: Path) -> None:
    number = "".join(["4111", "1111", "1111", "1111"])
    rows = [
        "c-1,架空 一郎,ja,push sms,app-9,090-0000-0001,,,ひまわり,1111",
        "c-2,Kakuu Jiro,en,,,,jiro@jiro.example,Europe/London,,",
        "c-3,架空 三郎,ja,push,,,,,,",
        "c-4,架空 四郎,fr,,,,,,,",
        "c-5,架空 五郎,ja,,,,,Mars/Crater,,",
        f"c-6,架空 六郎,ja,,,,,,{number},",
        "c-7,架空 七郎,ja,,,,,,,123",
        ",架空 八郎,ja,,,,,,,",
        "c-1,架空 一郎,ja,,,,,,,",
    ]
    path = tmp_path / "planted" / "contacts.csv"
    path.parent.mkdir()
    path.write_text(HEAD + "\n".join(rows) + "\n", encoding="cp932")
    done = run(world, "holder", "import", str(path), person="ben")
    assert done.exit_code == 1
    assert "2 holders can be reached; 7 rows kept apart" in done.output
    for field in ("channels", "language", "time_zone", "greeting", "last4", "card_ref"):
        assert f": {field} " in done.output, field
    assert number not in done.output
    with world.store.read() as connection:
        one, two = holder_of(connection, "c-1"), holder_of(connection, "c-2")
    assert one is not None
    assert two is not None
    assert [channel.value for channel, _ in one.ways] == ["push", "sms"]
    assert (one.last4, one.greeting, two.time_zone) == ("1111", "ひまわり", "Europe/London")
    assert [channel.value for channel, _ in two.ways] == ["email"]

    run(world, "holder", "erase", "c-1", "--reason", "asked for it", person="ben")
    with world.store.read() as connection:
        assert holder_of(connection, "c-1") is None
    with pytest.raises(NotAllowed):
        run(world, "holder", "import", str(path), person="dai")


def test_a_later_file_takes_the_place_of_an_earlier_one(world: World, tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    for phone in ("090-0000-0001", "090-0000-0002"):
        path.write_text(f"{HEAD}{HANAKO},架空 花子,ja,,,{phone},,,,\n", encoding="utf-8")
        assert run(world, "holder", "import", str(path), person="ben").exit_code == 0
    with world.store.read() as connection:
        one = holder_of(connection, HANAKO)
    assert one is not None
    assert {address for _, address in one.ways} == {"090-0000-0002"}


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"name\nx\n", MissingColumn),
        (b"card_ref,name,pan\nc,x,1\n", BadInput),
        (b"card_ref,name\n", BadInput),
        (b"\xff\xfe\x00\x81", BadInput),
        (b"", MissingColumn),
    ],
)
def test_files_that_are_none(
    world: World, tmp_path: Path, content: bytes, trouble: type[Exception]
) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(content)
    with pytest.raises(trouble):
        run(world, "holder", "import", str(path), person="ben")


@pytest.mark.parametrize(
    "table",
    ["call_after_s = -1", "nonsense = 1", 'night_from = "21"', "waits_s = { letter = 1 }",
     "waits_s = 5", 'app_place = ""', "unsure_most = true", "en = 3"],
)  # fmt: skip
def test_settings_that_are_none(tmp_path: Path, table: str) -> None:
    path = tmp_path / "messages.toml"
    path.write_text(f"[asking]\n{table}\n", encoding="utf-8")
    with pytest.raises(BadInput, match="asking"):
        read_asking(path)


def test_settings_that_are_some(tmp_path: Path) -> None:
    path = tmp_path / "messages.toml"
    path.write_text(
        "[asking]\nwaits_s = { push = 60 }\nnight_from = 22:00:00\nband_percent = 0\n"
        '[asking.en]\napp_place = "Check"\n',
        encoding="utf-8",
    )
    read = read_asking(path)
    assert read.policy.waits_s["push"] == 60  # type: ignore[index]
    assert read.policy.waits_s["sms"] == 780  # type: ignore[index]
    assert (read.policy.night_from.hour, read.policy.band_percent) == (22, 0)
    assert read.app_place == {"ja": "利用確認", "en": "Check"}


def test_texts_are_proposed_and_need_a_second_person(world: World) -> None:
    settings = str(world.settings)
    done = run(world, "case", "texts", "--settings", settings, "--reason", "new", person="ben")
    assert done.output.count("sekisho proposal approve") == 2
    with pytest.raises(NotAllowed):
        run(world, "case", "texts", "--settings", settings, "--reason", "new", person="dai")
