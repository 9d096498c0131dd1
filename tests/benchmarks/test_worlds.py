"""Small versions of the benchmarks over worlds: what they claim holds on a few worlds."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.parts import figures
from benchmarks.parts.judging import SURE, bin_of

from benchmarks import handbook, quiet, recall, speed


@pytest.fixture
def out(tmp_path, monkeypatch):
    for module in (figures, speed):
        monkeypatch.setattr(module, "OUT", tmp_path)
    return tmp_path


def test_bins():
    inside = {-8.0: 0, -8.5: 1, -9.0: 1, -9.1: 2, -12.5: 3, -20.5: 4, -3000.0: 4}
    assert {p: bin_of(p) for p in inside} == inside


def test_victims_needed_is_where_half_are_found():
    rng = np.random.default_rng(3)
    victims = rng.integers(2, 60, 3_000)
    found = rng.random(3_000) < 1 / (1 + (10.0 / victims) ** 3)
    assert figures.victims_needed(victims, found) == pytest.approx(10.0, rel=0.1)
    assert figures.victims_needed(victims, found, 0.9) == pytest.approx(10 * 9 ** (1 / 3), rel=0.15)
    assert figures.victims_needed([3, 4], [True, True]) is None


def test_results_keep_the_order_of_their_tasks():
    assert list(figures.each(abs, [-3, 2, -1], 2)) == [3, 2, 1]


@pytest.mark.slow
def test_leaks_are_found_and_nobody_else(out, capsys):
    leaks = [r for r in map(recall.leak_world, range(100, 110)) if r["bin"] in SURE][:6]
    silent = [recall.quiet_world(500_100)]
    assert len(leaks) == 6
    assert [r["seed"] for r in leaks if not r["found"]] == []
    assert [r["seed"] for r in [*leaks, *silent] if r["false"]] == []
    recall.report("recall", leaks, silent)
    said = capsys.readouterr().out
    assert "6/6 (100.0 %" in said
    assert "alternating EM" in said
    assert (out / "recall.jsonl").read_text().count("\n") == 1


@pytest.mark.slow
def test_quiet_worlds_stay_quiet(out, capsys):
    quiet.run(["--worlds", "6", "--first", "204"])
    said = capsys.readouterr().out
    assert "0/6 (0.0 %" in said
    assert (out / "quiet-worlds.jsonl").read_text().count("\n") == 6


@pytest.mark.slow
def test_a_leak_in_a_history_made_elsewhere():
    if handbook.source() is None:
        pytest.skip(f"{handbook.FILE} is not on this machine")
    day = handbook.month_ends(handbook.original())[0]
    assert handbook.as_it_is((day, True))["findings"] == 0
    record = next(r for r in map(handbook.leak_history, range(101, 140, 2)) if r["bin"] == 4)
    assert record["found"]
    assert record["false"] == []


@pytest.mark.slow
def test_speed_of_a_small_history(out, capsys):
    speed.run(["--rows", "2e5", "--threads", "1"])
    said = capsys.readouterr().out
    assert "survey" in said
    assert (out / "speed.jsonl").exists()
