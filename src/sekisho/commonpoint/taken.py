"""Which data was taken, as far as the misuse shows it: at least what the thief needed.

A counterfeit stripe needs the track; a purchase at a distance the number and, where it was
approved, the expiry date; a security code that was checked and found right, the code. Some victims
of a finding are there by chance and were robbed by others, so a kind of data counts as taken only
where more victims show it than those would.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sekisho.commonpoint.cohort import QUIET_GAP
from sekisho.commonpoint.search import Association
from sekisho.commonpoint.study import Study
from sekisho.domain.finding import DataEvidence
from sekisho.domain.history import MisuseTable
from sekisho.stats.tails import hypergeometric_tail, poisson_tail

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

CLEAR = 0.01  # chance above which a kind of data is not claimed
LEAST_SHARE = 0.25  # of the victims beyond chance: fewer may have got it elsewhere
LEAST_VICTIMS = 3
WIDTH = np.int64(1) << 40


def data_taken(
    study: Study, misuse: MisuseTable | None, found: Association, others: Sequence[Association]
) -> tuple[tuple[str, ...], tuple[DataEvidence, ...]]:
    """The kinds of data that a finding's misuse needed, and the counts behind each.

    Compared with the other cases of the same days that belong to no finding (``others`` are the
    other findings). Nothing is said where the history does not show the misuse.
    """
    if misuse is None or not found.spells.size:
        return (), ()
    strangers = _strangers(study, found, others)
    of_victims = _Shown(study, misuse, found.spells)
    of_others = _Shown(study, misuse, strangers)
    excess = max(1.0 - found.expected / found.spells.size, 0.0)
    everybody = np.ones(misuse.at.size, bool)
    by_chance = of_victims.counts(everybody, everybody)[0] * (1.0 - excess)
    told_of = of_others.counts(everybody, everybody)[0]
    tests = {
        "expiry": (misuse.read_known, misuse.remote & misuse.approved, False),
        "security_code": (misuse.code_known, misuse.code_match, False),
        "track": (misuse.read_known, misuse.track, False),
        "credentials": (misuse.remote, misuse.authenticated, True),
    }
    evidence = []
    for data, (known, shows, beyond_others) in tests.items():
        others_shown, others_known = of_others.counts(known, shows)
        robbed_by_others = by_chance * (others_shown + 1.0) / (told_of + 2.0)
        told = weigh(
            data, of_victims.counts(known, shows), (others_shown, others_known), robbed_by_others
        )
        if beyond_others:  # 3-D Secure is also passed without a password, by others as well
            told = _beyond_others(told)
        if told.known:
            evidence.append(told)
    taken = {told.data for told in evidence if told.taken}
    if taken:
        taken.add("pan")
    order = ("pan", "expiry", "security_code", "track", "credentials")
    return tuple(key for key in order if key in taken), tuple(evidence)


def weigh(
    data: str, victims: tuple[int, int], others: tuple[int, int], by_chance: float
) -> DataEvidence:
    """Whether ``victims`` (showing it, known) show a kind of data more than chance victims would.

    ``by_chance`` victims would show it that are there by chance: as many as were expected, times
    the share of other misused cards that show it (with one more of each, so that few others are
    not taken for none).
    """
    shown, known = victims
    p = float(poisson_tail(shown, by_chance))
    enough = shown - by_chance >= max(LEAST_VICTIMS, LEAST_SHARE * known)
    return DataEvidence(
        data, shown, known, others[0], others[1], max(p, 1e-300), bool(enough and p < CLEAR)
    )


def _beyond_others(told: DataEvidence) -> DataEvidence:
    """The same, claimed only if most victims show it, and clearly more often than other fraud."""
    p = hypergeometric_tail(
        told.shown, told.known, told.shown + told.others_shown, told.known + told.others_known
    )
    taken = told.taken and p < CLEAR and 2 * told.shown > told.known
    return DataEvidence(
        told.data, told.shown, told.known, told.others_shown, told.others_known, max(p, 1e-300),
        taken,
    )  # fmt: skip


def _strangers(study: Study, found: Association, others: Sequence[Association]) -> Ints:
    """Cases of the days of a finding's misuse that belong to no finding."""
    ends = study.spells.leave[found.spells]
    out = study.event & (study.spells.leave >= ends.min()) & (study.spells.leave <= ends.max())
    for one in (found, *others):
        out[one.spells] = False
        out[one.exposed] = False
    return np.flatnonzero(out)


class _Shown:
    """The misuse of some cases, from the index time on until the card was quiet."""

    def __init__(self, study: Study, misuse: MisuseTable, spells: Ints) -> None:
        keys = study.spells.card[spells] * WIDTH + study.spells.leave[spells]
        order = np.argsort(keys)
        wanted = misuse.card.astype(np.int64) * WIDTH + misuse.at
        spot = np.searchsorted(keys[order], wanted, "right")
        case = order[np.maximum(spot - 1, 0)] if spells.size else np.zeros(spot.size, np.int64)
        mine = spot > 0
        if spells.size:
            mine &= study.spells.card[spells][case] == misuse.card
            mine &= misuse.at - study.spells.leave[spells][case] < QUIET_GAP
        self._case, self._mine, self._count = case, mine, spells.size

    def counts(self, known: Bools, shows: Bools) -> tuple[int, int]:
        """Cases that show it in any of their transactions, and cases of which it is known."""
        of_known = np.unique(self._case[self._mine & (known | shows)])
        of_shown = np.unique(self._case[self._mine & shows])
        return int(of_shown.size), int(of_known.size)
