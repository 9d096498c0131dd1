"""Every merchant category code of the table has words in both languages."""

from __future__ import annotations

import re

import pytest

from sekisho.rulebook.lint_rules import sms_parts
from sekisho.rulebook.shop_kinds import _words, kind_of_shop
from sekisho.rulebook.values import LANGUAGES


def test_every_code_has_words_in_both_languages() -> None:
    assert len(_words()) > 50
    for code, words in _words().items():
        assert re.fullmatch(r"\d{4}", code)
        assert set(words) == set(LANGUAGES)
        for language in LANGUAGES:
            assert sms_parts(kind_of_shop(code, language)) == 1, code
        assert words["en"].isascii()
        assert not words["ja"].isascii()


@pytest.mark.parametrize("code", ["", "0000", "57", "57321", "架空"])
def test_an_unknown_code_has_no_words(code: str) -> None:
    assert kind_of_shop(code, "ja") == ""
