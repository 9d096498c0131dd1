"""Card references are HMAC-SHA-256 over the whole number, cut to 128 bits."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invented_cards import PUBLISHED
from sekisho.vault.keys import CardKey, card_key
from sekisho.vault.pan import Pan
from sekisho.vault.surrogate import CardRefs

# RFC 4231, test cases 1, 2, 3, 6 and 7, and 5, which is itself cut to 128 bits.
RFC_4231 = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a7"),
    (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f",
    ),
]


@pytest.mark.parametrize(("key", "data", "expected"), RFC_4231)
def test_the_vectors_of_rfc_4231(key: bytes, data: bytes, expected: str) -> None:
    refs = CardRefs(CardKey(key_id="rfc4231", secret=key))
    assert refs.of_digits([data]).hex() == expected


@given(st.binary(min_size=32, max_size=32), st.lists(st.sampled_from(sorted(PUBLISHED))))
def test_references_equal_the_standard_library(secret: bytes, cards: list[str]) -> None:
    refs = CardRefs(card_key(secret))
    expected = [hmac.new(secret, card.encode(), hashlib.sha256).hexdigest()[:32] for card in cards]
    assert [refs.of(Pan(card)) for card in cards] == expected
    assert refs.of_digits(card.encode() for card in cards).hex() == "".join(expected)


def test_writing_does_not_change_the_reference_and_the_key_does() -> None:
    refs = CardRefs(card_key(bytes(32)))
    assert refs.of(Pan("4111 1111 1111 1111")) == refs.of(Pan("４１１１１１１１１１１１１１１１"))
    assert refs.of(Pan("4111111111111111")) != refs.of(Pan("4012888888881881"))
    other = CardRefs(card_key(bytes(31) + b"\x01"))
    assert refs.of(Pan("4111111111111111")) != other.of(Pan("4111111111111111"))


@given(st.one_of(st.text(max_size=20), st.sampled_from(sorted(PUBLISHED))))
def test_a_door_gets_a_reference_or_nothing(text: str) -> None:
    refs = CardRefs(card_key(bytes(32)))
    try:
        expected = refs.of(Pan(text))
    except ValueError:
        expected = None
    assert refs.of_text(text) == expected
