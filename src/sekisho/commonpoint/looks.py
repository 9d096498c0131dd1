"""Looking again: how much chance of a false finding each look may spend, and what is new.

A bound of 0.001 for one run is no bound for sixty-six of them. All looks together hold it if each
spends a part of it (Bonferroni), and the parts are laid out beforehand by the calendar (Lan &
DeMets 1983, Biometrika 70: alpha spending by time, whatever the number of looks):

    spent(t) = total (1/2 + 1/2 t / (t + 1 year))        t: time since the first look

The first look, at all the history there is, spends half; a look spends what has come due since the
one before. Whoever looks daily and whoever looks monthly spend the same in a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sekisho.domain.errors import BadInput
from sekisho.domain.finding import Finding
from sekisho.domain.looks import Change, ChangeKind, Look, LookInput, Seen, SinceLastLook

TOTAL = 0.001
AT_ONCE = 0.5  # of the total, for the first look
HALF_DAYS = 365.0  # after which half of the rest is spent


def spent_by(days: int, total: float = TOTAL) -> float:
    """What all looks up to ``days`` after the first one may have spent together.

    >>> round(spent_by(0), 6), round(spent_by(365), 6)
    (0.0005, 0.00075)
    """
    return total * (AT_ONCE + (1.0 - AT_ONCE) * days / (days + HALF_DAYS))


def alpha_of(looks: Sequence[Look], as_of: date, total: float = TOTAL) -> float:
    """What a further look as of ``as_of`` may spend."""
    if not looks:
        return spent_by(0, total)
    days = (as_of - looks[0].as_of).days
    return spent_by(days, total) - spent_by((looks[-1].as_of - looks[0].as_of).days, total)


def seen(finding: Finding) -> Seen:
    """A finding as a look keeps it."""
    return Seen(
        entity_kind=finding.entity_kind.value,
        entity_id=finding.entity_id,
        name=finding.name,
        members=tuple(sorted(member.entity_id for member in finding.members)),
        window_start=finding.window_start,
        window_end=finding.window_end,
        cards_exposed=finding.cards_exposed,
        cards_defrauded=finding.cards_defrauded,
        p_value=finding.p_value,
    )


def next_look(
    looks: Sequence[Look], as_of: date, levels: tuple[str, ...], inputs: tuple[LookInput, ...]
) -> tuple[float, bool]:
    """What a look may spend, and whether it only repeats the last one.

    Raises BadInput where the date goes back, or where the last look's date is asked of other files
    or levels: the same question may not be tried until the answer pleases.
    """
    if not looks or as_of > looks[-1].as_of:
        return alpha_of(looks, as_of), False
    last = looks[-1]
    if as_of < last.as_of:
        raise BadInput(
            f"--follow: the last look was as of {last.as_of}, this one would be as of {as_of}.",
            hint="Looks go forward. Leave out --follow to look at an earlier day.",
        )
    if (last.levels, sorted_inputs(last.inputs)) != (levels, sorted_inputs(inputs)):
        what = "levels" if last.levels != levels else "files"
        raise BadInput(
            f"--follow: {as_of} was looked at already, with other {what}.",
            hint="Name a later --as-of, or leave out --follow to try something else.",
        )
    return last.alpha, True


def sorted_inputs(inputs: Sequence[LookInput]) -> tuple[LookInput, ...]:
    """Inputs in an order of their own."""
    return tuple(sorted(inputs, key=lambda one: (one.role, one.name, one.sha256)))


def compare(
    before: Sequence[Look], now: Look, suspects: Sequence[Finding], total: float = TOTAL
) -> SinceLastLook:
    """What ``now`` says beside the last of the looks ``before`` it."""
    last = before[-1] if before else None
    first = before[0] if before else now
    files = {one.name: one.sha256 for one in last.inputs} if last else {}
    here = {one.name: one.sha256 for one in now.inputs}
    return SinceLastLook(
        number=len(before) + 1,
        last=last.as_of if last else None,
        alpha=now.alpha,
        spent=spent_by((now.as_of - first.as_of).days, total),
        total=total,
        changes=_changes(last.findings if last else (), now.findings, suspects),
        new_files=tuple(sorted(name for name in here if name not in files)) if last else (),
        changed_files=tuple(sorted(n for n in here if n in files and files[n] != here[n])),
        missing_files=tuple(sorted(name for name in files if name not in here)),
    )


def _changes(
    before: Sequence[Seen], now: Sequence[Seen], suspects: Sequence[Finding]
) -> tuple[Change, ...]:
    """New ones first, then changed ones, then those that are gone, then the rest."""
    left = {(one.entity_kind, one.entity_id): one for one in before}
    pairs = [(one, left.pop((one.entity_kind, one.entity_id), None)) for one in now]
    out = []
    for one, same in pairs:
        earlier = same
        if earlier is None:
            shops = set(one.members)
            key = next((k for k, old in left.items() if shops & set(old.members)), None)
            earlier = None if key is None else left.pop(key)
        out.append(Change(_kind(earlier, one, same=same is not None), earlier, one))
    listed = {one.entity_id: str(one.kind) for one in suspects}
    out += [
        Change(ChangeKind.GONE, old, None, listed.get(old.entity_id, "not_listed"))
        for old in left.values()
    ]
    order = [ChangeKind.NEW, ChangeKind.RENAMED, ChangeKind.GROWN, ChangeKind.GONE, ChangeKind.SAME]
    return tuple(sorted(out, key=lambda change: order.index(change.kind)))


def _kind(before: Seen | None, now: Seen, *, same: bool) -> ChangeKind:
    if before is None:
        return ChangeKind.NEW
    if not same:
        return ChangeKind.RENAMED
    told = (
        (one.members, one.window_start, one.window_end, one.cards_exposed, one.cards_defrauded)
        for one in (before, now)
    )
    return ChangeKind.SAME if len(set(told)) == 1 else ChangeKind.GROWN
