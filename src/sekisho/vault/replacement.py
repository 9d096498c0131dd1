"""Cards that replace one another: from an old reference to the one that holds today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chains:
    """``last``: reference -> the reference at the end of its chain (not for the end itself).

    ``forked``: references with two different successors; ``circular``: references on, or
    leading into, a chain that comes back to itself. Neither has an end, nor has what leads
    there; all of it is kept apart.
    """

    last: Mapping[str, str]
    forked: frozenset[str]
    circular: frozenset[str]


def follow(pairs: Iterable[tuple[str, str]]) -> Chains:
    """Return the chains of (old reference, new reference) pairs, in any order, repeats allowed."""
    following: dict[str, str] = {}
    forked: set[str] = set()
    for old, new in pairs:
        if following.setdefault(old, new) != new:
            forked.add(old)
    last: dict[str, str] = {}
    circular: set[str] = set()
    dead: set[str] = set(forked)
    for start in following:
        path: dict[str, None] = {}
        at = start
        while at in following and at not in path and at not in last and at not in dead:
            path[at] = None
            at = following[at]
        if at in path or at in circular:
            circular.update(path)
            dead.update(path)
        elif at in dead:
            dead.update(path)
            forked.update(path)
        else:
            end = last.get(at, at)
            last.update(dict.fromkeys(path, end))
    return Chains(last, frozenset(forked), frozenset(circular))
