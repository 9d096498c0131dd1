"""Limits of a run: each is sent when it is true and only then. Notes speak the page's language."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commonpoint.tiny import Files, Leak, make
from sekisho.app.tracing import TraceOptions, run_trace
from sekisho.domain.finding import Trace
from sekisho.domain.notes import TEXTS, WORDS, note
from sekisho.domain.progress import Silent
from sekisho.warehouse.intake import InputRequest
from sekisho.web.report import render_report
from sekisho.web.report.texts_en import TEXTS as ENGLISH
from sekisho.web.report.texts_ja import TEXTS as JAPANESE


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    files = make(5, cards=250, leaks=(Leak(6, 40, 120, 0.5),)).write(
        tmp_path_factory.mktemp("bank")
    )
    table = pq.read_table(files.history[0])
    more = {
        "entry_mode": pa.array(["ecommerce"] * table.num_rows),
        "message_type": pa.array(["authorization"] * table.num_rows),
    }
    for name, values in more.items():
        table = table.append_column(name, values)
    pq.write_table(table, files.history[0])
    return files


def traced(files: Files, folder: Path, drop: Mapping[str, str] | None = None) -> Trace:
    """Trace copies of the files without some columns of one of them."""
    folder.mkdir()
    drop = drop or {}
    paths = {"history": files.history[0], "fraud": files.fraud, "cards": files.cards}
    for role, columns in drop.items():
        table = pq.read_table(paths[role])
        if role == "fraud" and columns == "fraud_type":  # there, but empty
            place = table.column_names.index("fraud_type")
            table = table.set_column(place, "fraud_type", pa.nulls(table.num_rows, pa.string()))
        else:
            table = table.drop_columns(columns.split())
        paths[role] = folder / f"{role}.parquet"
        pq.write_table(table, paths[role])
    request = InputRequest((paths["history"],), paths["fraud"], cards=paths["cards"])
    run = run_trace(request, TraceOptions(permute=False), folder / "work", Silent())
    run.history.connection.close()
    return run.trace


CASES = {
    "no_home_area": {"cards": "home_area"},
    "no_product": {"cards": "product"},
    "no_fraud_types": {"fraud": "fraud_type"},
    "no_message_types": {"history": "message_type"},
    "no_acquirer": {"history": "acquirer_id", "fraud": "acquirer_id"},
    "no_entry_mode": {"history": "entry_mode"},
    "no_report_dates": {"fraud": "reported_at"},
}


@pytest.fixture(scope="module")
def whole(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return traced(files, tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.parametrize("limit", CASES)
def test_a_limit_is_sent_when_it_is_true(
    files: Files, whole: Trace, tmp_path: Path, limit: str
) -> None:
    assert limit not in whole.limits
    trace = traced(files, tmp_path / "run", CASES[limit])
    assert limit in trace.limits
    for language, texts in (("en", ENGLISH), ("ja", JAPANESE)):
        page = render_report(trace, language=language)  # type: ignore[arg-type]
        assert texts[f"limit.{limit}"] in page


def test_notes_of_inputs_are_in_the_pages_language(files: Files, tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    rows = pq.read_table(files.history[0]).to_pylist()
    lines = ["card_ref,merchant_id,authorized_at,amount"]
    lines += [f"{r['card_ref']},{r['merchant_id']},{r['authorized_at']},1200" for r in rows]
    lines[3:6] = ["x,y", "架空,M1,noon,1", lines[3]]
    history.write_text("\n".join(lines), encoding="cp932")
    request = InputRequest((history,), files.fraud)
    run = run_trace(request, TraceOptions(permute=False), tmp_path / "work", Silent())
    run.history.connection.close()
    english = render_report(run.trace, language="en")
    japanese = render_report(run.trace, language="ja")
    assert "1 rows rejected: authorized_at: cannot be read" in english
    assert "1行を除外しました：authorized_at：読めません" in japanese
    assert "列の数がほかの行と違います" in japanese
    assert "整数の金額" in japanese
    assert "read as" not in japanese
    assert 'class="id" lang="en"' not in japanese


@pytest.mark.parametrize("code", TEXTS)
def test_both_sentences_of_a_note_have_the_same_figures(code: str) -> None:
    import string  # noqa: PLC0415

    def places(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    english, japanese = TEXTS[code]
    assert places(english) == places(japanese)
    made = note(code, **dict.fromkeys(places(english), 3))
    assert made == made.in_language("en") == str(made)
    assert made.in_language("ja") != made


def test_reasons_that_are_written_have_words_in_japanese() -> None:
    from sekisho.warehouse import csv_files, fraud, rejects  # noqa: PLC0415

    reasons = {
        rejects.MISSING, rejects.UNREADABLE, rejects.TOO_EARLY, rejects.TOO_LATE,
        rejects.BEFORE_START, csv_files.WRONG_WIDTH, csv_files.BAD_BYTES, csv_files.OPEN_QUOTE,
        fraud.NO_TRANSACTION, fraud.NO_CARD,
    }  # fmt: skip
    assert reasons <= set(WORDS)
