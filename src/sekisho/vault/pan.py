"""Card numbers (PAN): read one, judge it, mask it.

A number is readable when it has 13 to 19 digits and its check digit fits (Luhn,
ISO/IEC 7812-1). The brand is told apart from readability: a range that the table below does
not know is still a card number, but only numbers of a known brand count when a whole column
is judged (``vault.columns``).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, NoReturn

DIGITS_MIN: Final = 13
DIGITS_MAX: Final = 19
BIN_DIGITS: Final = 6


class Brand(StrEnum):
    """The network that a number's first digits belong to."""

    VISA = "visa"
    MASTERCARD = "mastercard"
    JCB = "jcb"
    AMEX = "amex"
    DINERS = "diners"
    DISCOVER = "discover"
    UNIONPAY = "unionpay"
    MAESTRO = "maestro"


@dataclass(frozen=True, slots=True)
class BrandRange:
    """Numbers whose first six digits lie in ``first``..``last`` (both included)."""

    brand: Brand
    first: int
    last: int
    lengths: frozenset[int]


_16_TO_19: Final = frozenset({16, 17, 18, 19})
BRAND_RANGES_AS_OF: Final = "2026-11-23"
# Prefixes and lengths as the networks and ISO/IEC 7812 state them in public, compared with the
# table of the open library credit-card-type (MIT) on the date above. Where two ranges overlap
# the first one wins. 622126-622925 is shared by Discover and UnionPay and filed under UnionPay.
# Old numbers are kept, for they still stand in old files: Visa with 13 digits, and JCB with 15
# from the time when its numbers began with 1800 and 2131.
BRAND_RANGES: Final[tuple[BrandRange, ...]] = (
    BrandRange(Brand.VISA, 400000, 499999, frozenset({13, 16, 18, 19})),
    BrandRange(Brand.MASTERCARD, 222100, 272099, frozenset({16})),
    BrandRange(Brand.MASTERCARD, 510000, 559999, frozenset({16})),
    BrandRange(Brand.JCB, 352800, 358999, _16_TO_19),
    BrandRange(Brand.JCB, 180000, 180099, frozenset({15})),
    BrandRange(Brand.JCB, 213100, 213199, frozenset({15})),
    BrandRange(Brand.AMEX, 340000, 349999, frozenset({15})),
    BrandRange(Brand.AMEX, 370000, 379999, frozenset({15})),
    BrandRange(Brand.DINERS, 300000, 305999, frozenset({14, 16, 17, 18, 19})),
    BrandRange(Brand.DINERS, 309500, 309599, frozenset({14, 16, 17, 18, 19})),
    BrandRange(Brand.DINERS, 360000, 369999, frozenset({14, 16, 17, 18, 19})),
    BrandRange(Brand.DINERS, 380000, 399999, frozenset({14, 16, 17, 18, 19})),
    BrandRange(Brand.DISCOVER, 601100, 601199, _16_TO_19),
    BrandRange(Brand.DISCOVER, 644000, 659999, _16_TO_19),
    BrandRange(Brand.UNIONPAY, 620000, 629999, _16_TO_19),
    BrandRange(Brand.UNIONPAY, 810000, 817199, _16_TO_19),
    BrandRange(Brand.MAESTRO, 500000, 509999, frozenset(range(13, 20))),
    BrandRange(Brand.MAESTRO, 560000, 589999, frozenset(range(13, 20))),
    BrandRange(Brand.MAESTRO, 630000, 639999, frozenset(range(13, 20))),
    BrandRange(Brand.MAESTRO, 670000, 679999, frozenset(range(13, 20))),
)


class Trouble(IntEnum):
    """Why a value is not a readable card number; ``reason`` never repeats the value."""

    NONE = 0
    EMPTY = 1
    NOT_DIGITS = 2
    LENGTH = 3
    CHECK_DIGIT = 4

    @property
    def reason(self) -> str:
        """One sentence part for the reject file."""
        return _REASONS[self]


_REASONS: Final = {
    Trouble.NONE: "",
    Trouble.EMPTY: "no card number",
    Trouble.NOT_DIGITS: "something other than digits, spaces and hyphens",
    Trouble.LENGTH: f"not {DIGITS_MIN} to {DIGITS_MAX} digits",
    Trouble.CHECK_DIGIT: "the check digit does not fit",
}

# Applied after NFKC, which turns full-width digits, spaces and hyphens into plain ones; what is
# left are the typographic dashes, the minus sign and the long-vowel mark typed in its place.
# Written without \s, which Python and RE2 (vault.columns) read differently.
SEPARATORS: Final = "[ \t\r\n\f\v\\-\u2010-\u2015\u2212\u30a0\u30fc]"
_SEPARATORS: Final = re.compile(SEPARATORS)
# Tables for whole numbers at once: digits to their values, values to the sum of twice their digits.
_VALUES: Final = bytes((byte - 48) % 256 for byte in range(256))
_DOUBLED: Final = bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9, *range(10, 256)))


def normalise(text: str) -> str:
    """Return ``text`` with full-width characters made plain, spaces and hyphens taken out."""
    if text.isascii() and text.isdecimal():
        return text
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text))


def luhn_fits(digits: str) -> bool:
    """Whether the check digit of ``digits`` (plain digits only) fits (ISO/IEC 7812-1 annex B)."""
    numbers = digits.encode("ascii").translate(_VALUES)
    return (sum(numbers[-1::-2]) + sum(numbers[-2::-2].translate(_DOUBLED))) % 10 == 0


def brand_of(digits: str) -> Brand | None:
    """Return the brand that ``digits`` have the first digits and the length of, if any."""
    prefix = int(digits[:BIN_DIGITS])
    for known in BRAND_RANGES:
        if known.first <= prefix <= known.last and len(digits) in known.lengths:
            return known.brand
    return None


def trouble_with(text: str) -> Trouble:
    """Return why ``text`` is not a readable card number, or ``Trouble.NONE``."""
    digits = normalise(text)
    if not digits:
        return Trouble.EMPTY
    if not (digits.isascii() and digits.isdigit()):
        return Trouble.NOT_DIGITS
    if not DIGITS_MIN <= len(digits) <= DIGITS_MAX:
        return Trouble.LENGTH
    return Trouble.NONE if luhn_fits(digits) else Trouble.CHECK_DIGIT


class Pan:
    """A readable card number that shows itself masked and cannot be copied out by accident.

    ``str``, ``repr`` and formatting give the mask; pickling is refused, so that it cannot slip
    into a cache, a queue or another process. Only ``clear()`` hands the digits over.
    """

    __slots__ = ("__digits",)

    def __init__(self, text: str) -> None:
        """Read ``text``; raises ``ValueError`` with the reason, never with the value."""
        trouble = trouble_with(text)
        if trouble is not Trouble.NONE:
            raise ValueError(trouble.reason)
        self.__digits = normalise(text)

    def clear(self) -> str:
        """Return the digits in clear: for the surrogate alone."""
        return self.__digits

    @property
    def bin(self) -> str:
        """The first six digits."""
        return self.__digits[:BIN_DIGITS]

    @property
    def brand(self) -> Brand | None:
        """The brand, or None where the table does not know the range."""
        return brand_of(self.__digits)

    def __repr__(self) -> str:
        return f"Pan({mask(self.__digits)})"

    def __str__(self) -> str:
        return mask(self.__digits)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pan) and self.__digits == other.__digits

    def __hash__(self) -> int:
        return hash(self.__digits)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a card number is not to be pickled or copied")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one text is as a card number: ``pan`` if it can be read, else ``trouble`` says why.

    Exactly one of the two says something. Shows itself masked, like ``Pan``.
    """

    pan: Pan | None
    trouble: Trouble

    @property
    def brand(self) -> Brand | None:
        """The brand that first digits and length belong to; None where the table has none."""
        return self.pan.brand if self.pan is not None else None


def parse(text: str) -> Parsed:
    """Read ``text`` as one card number: the whole rule in one place, never raises.

    In this order: full-width characters become plain ones (NFKC); spaces, tabs, hyphens,
    typographic dashes and the long-vowel mark are taken out; what is left has to be
    ``DIGITS_MIN`` to ``DIGITS_MAX`` digits whose check digit fits. The brand is told
    apart: a number of an unknown range is read too (``BRAND_RANGES``).
    """
    trouble = trouble_with(text)
    return Parsed(Pan(text) if trouble is Trouble.NONE else None, trouble)


def mask(text: str) -> str:
    """Return BIN and last four of a readable number, everything else masked whole.

    Fails closed: a value that is not a readable card number shows nothing, not even how long
    it is. PCI DSS 4.0.1 req. 3.4.1 (at most BIN and last four are shown).
    """
    if trouble_with(text) is not Trouble.NONE:
        return "******"
    digits = normalise(text)
    return f"{digits[:BIN_DIGITS]}{'*' * (len(digits) - BIN_DIGITS - 4)}{digits[-4:]}"


# Digits in groups, not part of a longer word or number. The lazy look at both ends is over
# digits and letters of the Latin alphabet only: in Japanese text numbers stand without spaces.
EMBEDDED: Final = r"[0-9０-９](?:[ \-　‐-―−－]?[0-9０-９]){12,18}"
_EMBEDDED: Final = re.compile(rf"(?<![0-9A-Za-z０-９]){EMBEDDED}(?![0-9A-Za-z０-９])")
# Any decimal digits of any script: what cannot be read as a number is hidden all the same.
_LONG_NUMBER: Final = re.compile(
    "\\d(?:[ \t\r\n\\-_.\u00a0\u3000\uff0d\uff70\u2010-\u2015\u2212\u30a0\u30fc]{0,2}\\d){11,}"
)


def mask_embedded(text: str) -> str:
    """Return ``text`` with every card number of a known brand inside it masked whole."""

    def masked(match: re.Match[str]) -> str:
        found = match.group()
        if trouble_with(found) is not Trouble.NONE or brand_of(normalise(found)) is None:
            return found
        return "******"

    return _EMBEDDED.sub(masked, text)


def redact(text: str) -> str:
    """Return ``text`` with every number of twelve digits or more masked, valid or not.

    For what people read that comes from a file: column names, file names. A file without a
    header has card numbers where its column names are looked for.
    """
    return _LONG_NUMBER.sub("******", text)
