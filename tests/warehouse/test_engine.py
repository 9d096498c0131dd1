"""How the engine is opened."""

from __future__ import annotations

from pathlib import Path

from sekisho.warehouse.engine import connect


def test_the_engine_draws_no_bar_of_its_own(tmp_path: Path) -> None:
    connection = connect(tmp_path, "100MB", 1, "Asia/Tokyo")
    [row] = connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()
    connection.close()
    assert row[0] is False
