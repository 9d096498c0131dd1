"""``sekisho world make`` from the outside."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sekisho.app.program import program
from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.world import files, quiet, write_large
from sekisho.world.files import WorldWriter


def test_make_writes_files_and_says_what_next(tmp_path: Path) -> None:
    out = tmp_path / "made"
    sizes = ["--cards", "1500", "--merchants", "120", "--seed", "4"]
    done = CliRunner().invoke(program(), ["world", "make", "--out", str(out), *sizes])
    assert done.exit_code == 0, done.output
    assert "sekisho trace" in done.output
    assert {p.name for p in out.iterdir()} == {
        "transactions.parquet", "fraud.parquet", "merchants.parquet", "cards.parquet",
        "truth.json", "truth_fraud.parquet", "truth_cards.parquet", "truth_exposed.parquet",
    }  # fmt: skip
    truth = json.loads((out / "truth.json").read_text())
    assert truth["seed"] == 4
    assert len(truth["leaks"]) == 1


@pytest.mark.parametrize("preset", ["quiet", "story", "large"])
def test_every_preset_can_be_made_small(tmp_path: Path, preset: str) -> None:
    size = ["--transactions", "40000"] if preset == "large" else ["--cards", "400"]
    call = ["world", "make", "--preset", preset, "--merchants", "500", "--out", str(tmp_path)]
    done = CliRunner().invoke(program(), [*call, *size])
    assert done.exit_code == 0, done.output
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert len(truth["leaks"]) == {"quiet": 0, "story": 1, "large": 5}[preset]


def test_rows_are_only_asked_of_the_large_preset(tmp_path: Path) -> None:
    call = ["world", "make", "--out", str(tmp_path), "--transactions", "5000"]
    assert isinstance(CliRunner().invoke(program(), call).exception, BadInput)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fail(self: WorldWriter, rows: object, cards: int) -> None:
        calls.append(cards)
        if len(calls) == 3:
            self._writer.close()
            raise OutputFailed("no space left on device")
        real(self, rows, cards)

    real = WorldWriter.add
    monkeypatch.setattr(WorldWriter, "add", fail)
    with pytest.raises(OutputFailed):
        write_large(quiet(cards=300, merchants=60), 1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_trouble_with_the_truth_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(ledger: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "truth_record", fail)
    with pytest.raises(OutputFailed, match="No space"):
        write_large(quiet(cards=300, merchants=60), 1, tmp_path)
    assert list(tmp_path.iterdir()) == []
