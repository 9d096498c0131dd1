"""Attributes of cards as small integers: texts by frequency, chains of replaced cards as one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def codes_of(values: NDArray[Any], drawn: int) -> NDArray[np.int32]:
    """Texts as codes by falling frequency, 0 for an empty one.

    The first ``drawn`` values settle the codes, so that cards added later change none; what only
    later cards have comes after.
    """
    texts = np.ma.getdata(values).astype(str)
    names, inverse = np.unique(texts, return_inverse=True)
    counts = np.bincount(inverse[:drawn], minlength=names.size)
    order = np.argsort(-counts, kind="stable")
    order = np.concatenate([order[names[order] == ""], order[names[order] != ""]])
    offset = 0 if (names == "").any() else 1
    rank = np.empty(names.size, np.int32)
    rank[order] = np.arange(names.size) + offset
    return rank[inverse].astype(np.int32)


def accounts_of(refs: NDArray[Any], replaced_by: NDArray[Any]) -> NDArray[np.int32]:
    """One number for cards that replace one another (chains followed to their last card)."""
    n = refs.size
    root = np.arange(n)
    has_next = ~np.ma.getmaskarray(replaced_by)
    followers = np.flatnonzero(has_next)
    if followers.size:
        names = np.ma.getdata(replaced_by)[followers].astype(str)
        order = np.argsort(refs)
        spot = np.minimum(np.searchsorted(refs[order], names), n - 1)
        target = order[spot]
        known = refs[target] == names
        root[followers[known]] = target[known]
        for _ in range(64):  # chains are short; a loop of replacements must not hang us
            further = root[root]
            if np.array_equal(further, root):
                break
            root = further
    return np.unique(root, return_inverse=True)[1].astype(np.int32)
