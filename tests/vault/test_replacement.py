"""Chains of replaced cards against a slow twin that walks each one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sekisho.vault.replacement import follow

names = st.sampled_from("abcdefg")


def naive_end(start: str, pairs: list[tuple[str, str]]) -> str | None:
    """The end of the chain, or None where it forks or never ends."""
    at, seen = start, {start}
    while True:
        following = {new for old, new in pairs if old == at}
        if not following:
            return at
        if len(following) > 1:
            return None
        at = following.pop()
        if at in seen:
            return None
        seen.add(at)


@given(st.lists(st.tuples(names, names), max_size=12))
def test_chains_equal_their_naive_twin(pairs: list[tuple[str, str]]) -> None:
    chains = follow(pairs)
    for start in {old for old, _ in pairs}:
        end = naive_end(start, pairs)
        assert chains.last.get(start) == end
        assert (end is None) == (start in chains.forked or start in chains.circular)
    assert set(chains.last) <= {old for old, _ in pairs}


def test_a_long_chain_is_followed_without_recursion() -> None:
    pairs = [(str(n), str(n + 1)) for n in range(50_000)]
    assert follow(pairs).last["0"] == "50000"
