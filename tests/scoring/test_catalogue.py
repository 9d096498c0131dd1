"""Every feature is documented, and the page is what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from sekisho.scoring.catalogue import CATALOGUE
from sekisho.scoring.slots import WIDTH, Slot

ROOT = Path(__file__).resolve().parents[2]


def test_every_feature_has_its_own_words() -> None:
    assert [entry.slot for entry in CATALOGUE] == list(Slot)
    assert [slot.value for slot in Slot] == list(range(WIDTH))
    assert len({entry.meaning for entry in CATALOGUE}) == WIDTH


def test_the_page_is_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("features", ROOT / "tools" / "features.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "reference" / "features.md").read_text(encoding="utf-8")
    assert written == module.page(), "run make reference"
