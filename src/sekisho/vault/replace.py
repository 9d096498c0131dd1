"""Takes the card numbers out of a file's rows and puts references in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sekisho.domain.errors import BadInput, ClearCardNumbers, MissingColumn, Rejected
from sekisho.vault.columns import (
    Evidence,
    as_text,
    evidence_in,
    is_binary,
    is_text,
    read_numbers,
)
from sekisho.vault.files import Chunk
from sekisho.vault.link import CARD_REF, LINK_SCHEMA
from sekisho.vault.pan import BIN_DIGITS, EMBEDDED, Trouble, mask_embedded, redact
from sekisho.vault.sensitive import (
    CODE_IN_TEXT,
    TRACK_IN_TEXT,
    code_outcome,
    is_ambiguous,
    is_code_result,
    mask_codes,
    why_never_stored,
    without_short_codes,
)
from sekisho.vault.surrogate import REF_BYTES, CardRefs

PAN: Final = "pan"
BIN: Final = "bin"
REPLACED_BY: Final = "replaced_by"
MAP_SCHEMA: Final = pa.schema([("old_card_ref", pa.string()), ("card_ref", pa.string())])
_USUAL_NAMES: Final = {"カード番号", "cardnumber", "cardno", "会員番号", "クレジットカード番号"}
_SAMPLE_VALUES: Final = 20_000
_LATER_SAMPLE_VALUES: Final = 2_000
_LONG_NUMBER: Final = "^[0-9]{13,19}$"
_WORTH_A_LOOK: Final = f"{EMBEDDED}|{TRACK_IN_TEXT}|{CODE_IN_TEXT}"
_IDS_SHARE_MIN: Final = 0.1
# In a later chunk a handful of values that all pass is no news; so many are.
_LATE_DISTINCT_MIN: Final = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each column of one file.

    ``pan``: becomes ``card_ref`` and ``bin``; ``references``: other columns of card numbers
    (such as the number of the replacing card), which keep their names and hold references;
    ``dropped``: name and why; ``linked``: the caller's own ``card_ref`` stays.
    """

    pan: str
    references: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    linked: bool


class LateCardNumbers(ClearCardNumbers):
    """A column turned out to hold what must not stay after rows were already written.

    ``why``: what is never stored, such as a security code; empty for card numbers.
    """

    def __init__(self, column: str, why: str = "") -> None:
        what = why or "card numbers"
        super().__init__(f"column {redact(column)} holds {what} further down")
        self.column = column
        self.why = why


class Keeper(Protocol):
    """Takes the numbers that an installation keeps (``vault.numbers.Keeping``)."""

    def numbers(self, refs: Sequence[str], digits: Sequence[bytes]) -> None:
        """Keep ``digits[i]`` under ``refs[i]``."""

    def replacements(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Remember that the first card of each pair was replaced by the second."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What is made of a number: its reference; references of older keys; a kept copy."""

    refs: CardRefs
    older: tuple[CardRefs, ...] = ()
    keeper: Keeper | None = None


@dataclass(slots=True)
class Counts:
    """What was done, for the screen; the mappings are by column.

    ``untold``: card numbers for which the caller's files have no single reference.
    """

    rows: int = 0
    rejected: int = 0
    emptied: dict[str, int] = field(default_factory=dict)
    masked: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    untold: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replaced:
    """Rows without card numbers, what was rejected, and what belongs with the key.

    ``link``: the caller's references and the numbers' (``LINK_SCHEMA``); ``carried``: references
    under older keys and under the active one (``MAP_SCHEMA``).
    """

    rows: pa.RecordBatch
    rejected: tuple[Rejected, ...]
    link: pa.RecordBatch | None
    carried: pa.RecordBatch | None = None


def plan_columns(rows: pa.RecordBatch, file: str, also: Mapping[str, str] | None = None) -> Plan:
    """Decide from a file's first rows what becomes of each column.

    ``also``: columns known to hold card numbers (``""``) or what is never stored (what it is).
    Raises ``MissingColumn`` where no column or more than one could be ``pan``, ``BadInput``
    where the column named ``pan`` is not one.
    """
    also = also or {}
    dropped: list[tuple[str, str]] = []
    judged: dict[str, Evidence] = {}
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        text = as_text(_sample(column, _SAMPLE_VALUES))
        why = why_never_stored(name, text) or also.get(name, "")
        if name == BIN:
            why = "made anew from the card number"
        elif text is None and _is_opaque(column.type):
            why = "its values cannot be searched for card numbers"
        if why and name != PAN:
            dropped.append((name, why))
        elif text is not None:
            judged[name] = evidence_in(text)
    cards = [name for name, seen in judged.items() if seen.holds_card_numbers or name in also]
    pan = _pan_column(judged, cards, file)
    others = tuple(name for name in cards if name not in (pan, CARD_REF))
    own_ref = CARD_REF in judged and CARD_REF not in cards and pan != CARD_REF
    if CARD_REF in cards and pan != CARD_REF:
        dropped.append((CARD_REF, "it holds card numbers too, beside " + redact(pan)))
    return Plan(pan=pan, references=others, dropped=tuple(dropped), linked=own_ref)


def _is_opaque(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind) or is_binary(kind))


def _pan_column(judged: dict[str, Evidence], cards: list[str], file: str) -> str:
    if PAN in judged:
        seen = judged[PAN]
        # Called pan, it is believed sooner: ids reach a half as good as never.
        if PAN not in cards and seen.cards < max(1, seen.distinct / 2):
            raise BadInput(
                f"{file}: column pan does not hold card numbers ({seen.cards} of {seen.distinct} "
                "different values looked at have a brand's first digits, length and check digit)",
                hint="Name the right one: --columns pan=NAME.",
            )
        return PAN
    usual = [name for name in cards if name.lower().replace("_", "") in _USUAL_NAMES]
    for candidates in (cards, usual):
        if len(candidates) == 1:
            return candidates[0]
    if cards:
        raise MissingColumn(
            f"{file}: more than one column holds card numbers: {', '.join(map(redact, cards))}",
            hint="Say which is the card that paid: --columns pan=NAME. The others become "
            "references too.",
        )
    raise MissingColumn(
        f"{file}: no column holds card numbers, and none is named pan",
        hint="Its columns: " + ", ".join(map(redact, judged)) + ". Name one: --columns pan=NAME. "
        "A file that holds references already goes straight to: sekisho trace",
    )


def _sample(column: pa.Array, count: int) -> pa.Array:
    """Return up to ``count`` of the filled values, evenly spread: few may be filled at all."""
    filled = column.drop_null()
    if len(filled) <= count:
        return filled
    return filled.take(pa.array(np.linspace(0, len(filled) - 1, count).astype(np.int64)))


class Replacer:
    """Replaces the card numbers of one file, chunk by chunk, by its plan."""

    def __init__(self, plan: Plan, intake: Intake, file: str) -> None:
        self.plan = plan
        self.counts = Counts()
        self._intake = intake
        self._carried: list[pa.Table] = []
        self._file = file
        self._seen: dict[str, Evidence] = {}

    def replace(self, chunk: Chunk) -> Replaced:
        """Return the chunk without card numbers; raises ``LateCardNumbers``."""
        column = as_text(chunk.rows.column(self.plan.pan))
        if column is None:
            raise BadInput(f"{self._file}: the type of column {redact(self.plan.pan)} changes")
        numbers = self._numbers(column)
        readable = numbers.trouble == Trouble.NONE
        rejected = self._rejects(chunk, numbers.trouble)
        rows = chunk.rows.filter(pa.array(readable))
        self._look_for_late_numbers(rows)
        refs = numbers.refs.filter(pa.array(readable))
        bins = numbers.bins.filter(pa.array(readable))
        self.counts.rows += rows.num_rows
        self.counts.rejected += len(rejected)
        replaced = pa.RecordBatch.from_pydict(dict(self._columns(rows, refs, bins)))
        if self._intake.keeper and REPLACED_BY in self.plan.references:
            _tell_replacements(refs, replaced.column(REPLACED_BY), self._intake.keeper)
        link = None
        if self.plan.linked:
            own = pc.cast(rows.column(CARD_REF), pa.string())
            pairs = pa.table([own, refs], schema=LINK_SCHEMA).drop_null()
            link = _distinct(pairs)
        carried = _distinct(pa.concat_tables(self._carried)) if self._carried else None
        self._carried.clear()
        return Replaced(replaced, rejected, link, carried)

    def _numbers(self, column: pa.StringArray) -> _Numbers:
        numbers = _Numbers.read(column, self._intake)
        self._carried += numbers.carried
        return numbers

    def _rejects(self, chunk: Chunk, trouble: NDArray[np.uint8]) -> tuple[Rejected, ...]:
        unreadable = tuple(
            Rejected(
                self._file,
                int(chunk.numbers[at]),
                redact(self.plan.pan),
                Trouble(trouble[at]).reason,
            )
            for at in np.flatnonzero(trouble)
        )
        return (*chunk.rejected, *unreadable)

    def _columns(
        self, rows: pa.RecordBatch, refs: pa.Array, bins: pa.Array
    ) -> Iterator[tuple[str, pa.Array]]:
        dropped = {name for name, _ in self.plan.dropped}
        for name, column in zip(rows.schema.names, rows.columns, strict=True):
            if name == self.plan.pan:
                if not self.plan.linked:
                    yield CARD_REF, refs
                yield BIN, bins
            elif name in self.plan.references:
                yield name, self._reference_column(name, column)
            elif name in dropped:
                continue
            elif is_code_result(name):
                yield name, self._outcomes(name, column)
            else:
                yield name, self._masked(name, column)

    def _outcomes(self, name: str, column: pa.Array) -> pa.StringArray:
        """Return match, no_match and absent; anything else is emptied and counted."""
        text = as_text(column)
        if text is None:  # true and false, or nothing that could be told
            text = pc.cast(column, pa.string()) if pa.types.is_boolean(column.type) else None
        if text is None:
            return pa.nulls(len(column), pa.string())
        coded = text.dictionary_encode()
        words = coded.dictionary.to_pylist()
        outcomes = [code_outcome(name, word) for word in words]
        known = pa.array(outcomes, pa.string()).take(coded.indices)
        said = pc.sum(pc.greater(pc.binary_length(text), 0)).as_py() or 0
        if refused := said - len(known) + known.null_count:
            self.counts.codes[name] = self.counts.codes.get(name, 0) + refused
        return known

    def _reference_column(self, name: str, column: pa.Array) -> pa.Array:
        """Return references of a second column; what is not readable is left empty."""
        text = as_text(column)
        numbers = self._numbers(text)
        filled = (numbers.trouble != Trouble.NONE) & (numbers.trouble != Trouble.EMPTY)
        if emptied := int(filled.sum()):
            self.counts.emptied[name] = self.counts.emptied.get(name, 0) + emptied
        return numbers.refs

    def _masked(self, name: str, column: pa.Array) -> pa.Array:
        """Return a kept column with card numbers inside longer text masked whole."""
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if not is_text(column.type):
            return column
        text = as_text(column)
        if text is None:
            raise BadInput(f"{self._file}: column {redact(name)} mixes text and other bytes")
        column = text
        if is_ambiguous(name):
            column, emptied = without_short_codes(column)
            if emptied:
                self.counts.codes[name] = self.counts.codes.get(name, 0) + emptied
        looks = pc.match_substring_regex(column, _WORTH_A_LOOK)
        bare = pc.match_substring_regex(column, _LONG_NUMBER)
        if (pc.mean(bare).as_py() or 0.0) >= _IDS_SHARE_MIN:
            # A column of long ids: one in ten of them passes for a card number by chance.
            numbers = _sample(column.filter(bare), _SAMPLE_VALUES)
            if not evidence_in(numbers).holds_card_numbers:
                looks = pc.and_not(looks, bare)
        looks = pc.fill_null(looks, fill_value=False)
        places = np.flatnonzero(looks.to_numpy(zero_copy_only=False))
        if not len(places):
            return column
        found = column.take(pa.array(places)).to_pylist()
        masked = [mask_embedded(mask_codes(text)) for text in found]
        changed = sum(before != after for before, after in zip(found, masked, strict=True))
        if not changed:
            return column
        self.counts.masked[name] = self.counts.masked.get(name, 0) + changed
        where = np.zeros(len(column), dtype=np.bool_)
        where[places] = True
        return pc.replace_with_mask(column, pa.array(where), pa.array(masked, type=column.type))

    def _look_for_late_numbers(self, rows: pa.RecordBatch) -> None:
        """Judge the kept columns again: the first rows may have been blank there."""
        gone = {self.plan.pan, *self.plan.references, *(name for name, _ in self.plan.dropped)}
        for name, column in zip(rows.schema.names, rows.columns, strict=True):
            text = None if name in gone else as_text(_sample(column, _LATER_SAMPLE_VALUES))
            if text is None:
                continue
            if why := why_never_stored(name, text):
                raise LateCardNumbers(name, why)
            here = evidence_in(text)
            so_far = self._seen.get(name, Evidence()) + here
            self._seen[name] = so_far
            for seen in (here, so_far):
                if seen.distinct >= _LATE_DISTINCT_MIN and seen.holds_card_numbers:
                    raise LateCardNumbers(name)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A column of length n as references and BINs (null where unreadable) and trouble codes.

    ``carried``: for each older key, its references of the distinct numbers (``MAP_SCHEMA``).
    """

    refs: pa.StringArray
    bins: pa.StringArray
    trouble: NDArray[np.uint8]
    carried: tuple[pa.Table, ...]

    def __repr__(self) -> str:
        return f"_Numbers({len(self.trouble)} values)"

    @classmethod
    def read(cls, column: pa.StringArray, intake: Intake) -> _Numbers:
        """Hash every distinct number once: a card stands in many rows."""
        coded = column.dictionary_encode()
        reading = read_numbers(coded.dictionary)
        codes = coded.indices
        missing = codes.is_null().to_numpy(zero_copy_only=False)
        places = codes.fill_null(0).to_numpy(zero_copy_only=False)
        trouble = np.full(len(column), Trouble.EMPTY, dtype=np.uint8)
        if len(reading.trouble):
            trouble = np.where(missing, np.uint8(Trouble.EMPTY), reading.trouble[places])
        readable = reading.trouble == Trouble.NONE
        digits = reading.digits.filter(pa.array(readable))
        plain = pc.cast(digits, pa.binary()).to_pylist()
        made = _as_hex(intake.refs.of_digits(plain), len(plain))
        if intake.keeper and plain:
            intake.keeper.numbers(made.to_pylist(), plain)
        spread = pa.array(np.where(readable, np.cumsum(readable) - 1, 0), mask=~readable)
        bins = pc.utf8_slice_codeunits(digits, 0, BIN_DIGITS)
        carried = tuple(
            pa.table([_as_hex(older.of_digits(plain), len(plain)), made], schema=MAP_SCHEMA)
            for older in intake.older
        )
        return cls(made.take(spread).take(codes), bins.take(spread).take(codes), trouble, carried)


def _as_hex(references: bytes, count: int) -> pa.StringArray:
    """Return ``count`` references that stand one after another as hex digits."""
    offsets = np.arange(0, 2 * len(references) + 1, 2 * REF_BYTES, dtype=np.int32)
    text = references.hex().encode("ascii")
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))


def _distinct(pairs: pa.Table) -> pa.RecordBatch:
    distinct = pairs.group_by(pairs.schema.names).aggregate([])
    return pa.RecordBatch.from_arrays(
        [column.combine_chunks() for column in distinct.columns], schema=pairs.schema
    )


def _tell_replacements(old: pa.StringArray, new: pa.StringArray, keeper: Keeper) -> None:
    pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
    keeper.replacements([(left, right) for left, right in pairs if right and left != right])
