"""``sekisho backtest`` and ``sekisho policy`` from the outside: true figures, pages, four eyes."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from app.test_evaluate import history
from sekisho import __version__
from sekisho.app.backtesting import read_backtest
from sekisho.app.policy_reading import read_policy
from sekisho.app.program import program
from sekisho.app.scoring_history import HANDBOOK_COLUMNS, read_history
from sekisho.app.training import features_of, read_model
from sekisho.domain.errors import BadInput, NotAllowed
from sekisho.domain.progress import Silent
from sekisho.scoring.forest import forest_of, probability
from sekisho.scoring.policy import CompiledPolicy, Subject
from sekisho.scoring.slots import Slot
from sekisho.scoring.trees import Recipe, names, train
from sekisho.warehouse.intake import InputRequest

COLUMNS = ",".join(f"{ours}={theirs}" for ours, theirs in HANDBOOK_COLUMNS.items())
POLICY = """
schema = "sekisho.policy/1"
version = "try-1"
[[thresholds]]
up_to = 5000
ask_from = 0.4
decline_from = 0.8
[[thresholds]]
up_to = 1000000000000
ask_from = 0.2
decline_from = 0.6
[[lists]]
name = "trusted"
of = "merchant"
[[lists.entries]]
value = "/7"
until = 2018-08-01
reason = "known for years"
[[lists]]
name = "held"
of = "card"
[[lists.entries]]
value = "3"
reason = "lost"
[[rules]]
name = "trusted"
when = 'merchant in list("trusted")'
action = "allow"
[[rules]]
name = "held"
when = 'card in list("held")'
action = "decline"
[[rules]]
name = "huge"
when = "card_ratio_habit > 4.0"
action = "ask"
why = "Four times the habit."
[[rules]]
name = "night"
when = "night == 1.0"
action = "ask"
shadow = true
"""
FEATURES = names((Slot.AMOUNT, Slot.CARD_RATIO_HABIT, Slot.CARD_RATIO_30D))


def call(folder: Path, *words: object, person: str = "a-2") -> str:
    environment = {"SEKISHO_DATABASE": f"sqlite:///{folder}/s.db", "SEKISHO_PERSON": person}
    done = CliRunner().invoke(program(), [str(word) for word in words], env=environment)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history, and a quick model as `sekisho train` writes it."""
    folder = tmp_path_factory.mktemp("tried")
    pq.write_table(history(cards=40), folder / "purchases.parquet")
    request = InputRequest(
        (folder / "purchases.parquet",), columns=HANDBOOK_COLUMNS, timezone="UTC"
    )
    told = read_history(request, folder / "work", "1GB", Silent())
    recipe = Recipe(FEATURES, rounds=15, learning_rate=0.3)
    forest = forest_of(train(features_of(told, 7, Silent()), told.fraud, recipe))
    model = {
        "schema": "sekisho.model/1", "version": __version__, "features": list(FEATURES),
        "vector": [slot.name.lower() for slot in Slot],
        "forest": {name: values.tolist() for name, values in forest._asdict().items()},
    }  # fmt: skip
    (folder / "model").mkdir()
    (folder / "model" / "model.json").write_text(json.dumps(model), "utf-8")
    (folder / "one.toml").write_text(POLICY, "utf-8")
    other = POLICY.replace('"try-1"', '"try-2"').replace("habit > 4.0", "habit > 2.5")
    (folder / "two.toml").write_text(other, "utf-8")
    return folder


@pytest.fixture(scope="module")
def document(made: Path) -> dict:
    call(made, "backtest", made / "purchases.parquet", "--model", made / "model", "--policy",
         made / "two.toml", "--champion-policy", made / "one.toml", "--out", made / "out",
         "--columns", COLUMNS, "--timezone", "UTC", "--from", "2018-07-01")  # fmt: skip
    return read_backtest(made / "out")


def test_the_sums_are_those_of_deciding_one_by_one(made: Path, document: dict) -> None:
    request = InputRequest((made / "purchases.parquet",), columns=HANDBOOK_COLUMNS, timezone="UTC")
    told = read_history(request, made / "again", "1GB", Silent())
    vectors = features_of(told, 7, Silent())
    forest, policy = (
        read_model(made / "model"),
        CompiledPolicy(read_policy(made / "two.toml").policy),
    )
    first = int(np.searchsorted(told.of.at, np.datetime64("2018-07-01", "s").astype(np.int64)))
    counts = dict.fromkeys(("flagged", "declined", "frauds_caught", "value_caught"), 0)
    for row in range(first, told.of.at.size):
        merchant = told.merchant_keys[told.of.merchant[row]].split("/")
        subject = Subject(told.card_refs[told.of.card[row]], *merchant)
        at, amount = int(told.of.at[row]), int(told.of.amount[row])
        score = probability(forest, vectors[row])
        one = policy.decide(vectors[row], score, amount, policy.listed(subject, at))
        counts["flagged"] += one.ask
        counts["declined"] += one.decline
        counts["frauds_caught"] += one.ask and told.fraud[row] > 0
        counts["value_caught"] += amount * (one.ask and told.fraud[row] > 0)
    found = document["candidate"]["sums"]
    assert {name: found[name] for name in counts} == {k: int(v) for k, v in counts.items()}
    assert found["purchases"] == told.of.at.size - first
    assert counts["frauds_caught"] > 50
    rules = {rule["name"]: rule for rule in document["candidate"]["rules"]}
    assert rules["held"]["fired"] > 0
    assert rules["trusted"]["fired"] > 0
    assert rules["night"]["shadow"]


def test_both_sides_stand_there_and_what_changed(document: dict) -> None:
    old, new, change = document["champion"], document["candidate"], document["versus"]
    gained = change["frauds_gained"] - change["frauds_lost"]
    assert new["sums"]["frauds_caught"] - old["sums"]["frauds_caught"] == gained
    (changed,) = document["changes"]
    assert changed["where"] == "rule huge"
    assert document["notes"] == [
        "declined_unlabelled", "candidate_training_unknown", "champion_training_unknown",
        "no_watch_list",
    ]  # fmt: skip
    assert sum(week["frauds"] for week in new["weeks"]) == new["sums"]["frauds"]
    assert new["scores"]["average_precision"] > 0.3


def test_the_page_says_it_in_both_languages_and_needs_nothing(made: Path, document: dict) -> None:
    page = (made / "out" / "backtest.html").read_text("utf-8")
    for text in ("Back-test of a policy", "ポリシーのバックテスト", "Four times the habit.",
                 document["candidate"]["policy"]["version"]):  # fmt: skip
        assert text in page
    for outside in ("http:", "https:", "<script", "url("):
        assert outside not in page
    assert str(made.parent) not in page


def test_reports_of_a_fraud_file_take_the_place_of_flags(made: Path) -> None:
    table = pq.read_table(made / "purchases.parquet")
    frauds = table.filter(table["TX_FRAUD"].cast(pa.bool_()))
    reported = [moment + timedelta(days=3) for moment in frauds["TX_DATETIME"].to_pylist()]
    reports = {"transaction_id": frauds["TRANSACTION_ID"], "reported_at": reported}
    pq.write_table(pa.table(reports), made / "fraud.parquet")
    pq.write_table(table.drop_columns(["TX_FRAUD"]), made / "plain.parquet")
    columns = {k: v for k, v in HANDBOOK_COLUMNS.items() if k != "is_fraud"}
    request = InputRequest(
        (made / "plain.parquet",), fraud=made / "fraud.parquet", columns=columns, timezone="UTC"
    )
    told = read_history(request, made / "work2", "1GB", Silent())
    assert told.fraud.sum() == frauds.num_rows
    assert told.reported_at is not None
    late = told.reported_at[told.fraud > 0] - told.of.at[told.fraud > 0]
    assert set(late.tolist()) == {3 * 86_400}
    assert not told.reported_at[told.fraud == 0].any()


def test_from_a_file_to_the_policy_that_decides(made: Path, tmp_path: Path) -> None:
    for person, role in (("a-1", "administrator"), ("a-2", "analyst"), ("a-3", "approver")):
        call(tmp_path, "person", "add", person, "--name", "架空", "--role", role, person="a-1")
    one, two = made / "one.toml", made / "two.toml"
    assert "is sound: 4 rules, 1 of them in shadow" in call(tmp_path, "policy", "check", one)
    assert "card_ratio_habit > 4.0" in call(tmp_path, "policy", "show", one)
    told = call(tmp_path, "policy", "diff", one, two)
    assert "- ask when card_ratio_habit > 4.0" in told
    assert "+ ask when card_ratio_habit > 2.5" in told
    why = ("--reason", "it catches more")
    with pytest.raises(NotAllowed, match="was never tried"):
        call(tmp_path, "policy", "activate", one, *why)
    with pytest.raises(BadInput, match="no policy decides yet"):
        call(tmp_path, "policy", "show")
    tried = call(tmp_path, "policy", "backtest", one, made / "purchases.parquet", "--model",
                 made / "model", "--out", tmp_path / "out", "--columns", COLUMNS,
                 "--timezone", "UTC")  # fmt: skip
    assert "attached to try-1@" in tried
    told = call(tmp_path, "policy", "activate", one, *why)
    proposal = re.findall(r"proposal ([0-9a-f]{32})\)", told)[0]
    shown = call(tmp_path, "proposal", "show", proposal)
    digest = re.findall(r"hash: ([0-9a-f]{64})", shown)[0]
    assert "insult_rate" in shown
    with pytest.raises(NotAllowed, match="not approved"):
        call(tmp_path, "policy", "activate", "--proposal", proposal, *why)
    call(tmp_path, "proposal", "approve", proposal, "--hash", digest, *why, person="a-3")
    told = call(tmp_path, "policy", "activate", "--proposal", proposal, *why)
    assert "decides from now on" in told
    assert "try-1@" in call(tmp_path, "policy", "show")
    assert "habit > 2.5" in call(tmp_path, "policy", "diff", two)
    assert "runs in shadow" in call(tmp_path, "policy", "shadow", two, *why)
    told = call(tmp_path, "policy", "history")
    assert told.count("in force") == 2
    call(tmp_path, "policy", "shadow", "--off", *why)
    assert call(tmp_path, "policy", "history").count("in force") == 1


def test_a_new_policy_is_the_default_and_sound(tmp_path: Path) -> None:
    call(tmp_path, "policy", "new", tmp_path / "mine.toml")
    assert "is sound" in call(tmp_path, "policy", "check", tmp_path / "mine.toml")
    with pytest.raises(BadInput, match="exists"):
        call(tmp_path, "policy", "new", tmp_path / "mine.toml")
