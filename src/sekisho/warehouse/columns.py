"""The columns that Sekisho knows, and how a file's own names are led to them.

A name is taken as it is when it equals a known one, whatever its case; everything else needs a
word of the user (``--columns``). Near names and synonyms are only *offered*: a column taken for
another by guess would make a wrong trace that looks right.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sekisho.domain.errors import BadInput, MissingColumn


class Kind(StrEnum):
    """How the values of a column are read."""

    REFERENCE = "reference"  # keeps an integer type if the file has one
    TEXT = "text"
    TIME = "time"
    DATE_PART = "date_part"  # the date of a date and time pair
    TIME_PART = "time_part"
    DATE = "date"
    MINOR = "minor"  # integer minor units
    MAJOR = "major"  # an amount as printed, in major units
    FLAG = "flag"


class Role(StrEnum):
    """What a file is for."""

    TRANSACTIONS = "transactions"
    FRAUD = "fraud"
    MERCHANTS = "merchants"
    CARDS = "cards"
    KNOWN_LEAKS = "known_leaks"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TEXTS = _words(
    "acquirer_id merchant_id terminal_id operator_id processor_id bin currency mcc entry_mode "
    "eci initiator message_type country security_code_result"
)

KNOWN: Mapping[Role, Mapping[str, Kind]] = {
    Role.TRANSACTIONS: {
        "card_ref": Kind.REFERENCE,
        "pan": Kind.TEXT,
        "authorized_at": Kind.TIME,
        "authorized_date": Kind.DATE_PART,
        "authorized_time": Kind.TIME_PART,
        "transaction_id": Kind.REFERENCE,
        **dict.fromkeys(_TEXTS, Kind.TEXT),
        "amount_minor": Kind.MINOR,
        "amount": Kind.MAJOR,
        "stored_credential": Kind.FLAG,
        "approved": Kind.FLAG,
        "is_fraud": Kind.FLAG,
    },
    Role.FRAUD: {
        "card_ref": Kind.REFERENCE,
        "pan": Kind.TEXT,
        "fraud_at": Kind.TIME,
        "fraud_date": Kind.DATE_PART,
        "fraud_time": Kind.TIME_PART,
        "reported_at": Kind.TIME,
        "reported_date": Kind.DATE_PART,
        "reported_time": Kind.TIME_PART,
        "transaction_id": Kind.REFERENCE,
        "fraud_type": Kind.TEXT,
        "acquirer_id": Kind.TEXT,
        "merchant_id": Kind.TEXT,
    },
    Role.MERCHANTS: {
        "acquirer_id": Kind.TEXT,
        "merchant_id": Kind.TEXT,
        "name": Kind.TEXT,
        "operator_id": Kind.TEXT,
        "processor_id": Kind.TEXT,
        "valid_from": Kind.DATE,
        "valid_to": Kind.DATE,
    },
    Role.CARDS: {
        "card_ref": Kind.REFERENCE,
        "pan": Kind.TEXT,
        "opened_on": Kind.DATE,
        "closed_on": Kind.DATE,
        "replaced_by": Kind.REFERENCE,
        "expires_on": Kind.DATE,
        "product": Kind.TEXT,
        "home_area": Kind.TEXT,
    },
    Role.KNOWN_LEAKS: {
        "acquirer_id": Kind.TEXT,
        "merchant_id": Kind.TEXT,
        "operator_id": Kind.TEXT,
        "processor_id": Kind.TEXT,
        "window_start": Kind.DATE,
        "window_end": Kind.DATE,
        "name": Kind.TEXT,
        "reference": Kind.TEXT,
        "data_taken": Kind.TEXT,
    },
}

# A time column and the pair of columns that may stand in for it.
PAIRS: Mapping[str, tuple[str, str]] = {
    "authorized_at": ("authorized_date", "authorized_time"),
    "fraud_at": ("fraud_date", "fraud_time"),
    "reported_at": ("reported_date", "reported_time"),
}

# Each inner tuple is a way to be complete; the first one is what messages ask for.
REQUIRED: Mapping[Role, tuple[tuple[str, ...], ...]] = {
    Role.TRANSACTIONS: (("card_ref", "merchant_id", "authorized_at"),),
    Role.FRAUD: (("card_ref", "fraud_at"), ("transaction_id",)),
    Role.MERCHANTS: (("merchant_id",),),
    Role.CARDS: (("card_ref",),),
    Role.KNOWN_LEAKS: tuple(
        (entity, "window_start", "window_end")
        for entity in ("merchant_id", "operator_id", "processor_id")
    ),
}

# What other houses call these columns, in normalised spelling; offered, never applied.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "card_ref": _words(
        "card card_id card_no cardno card_number card_token token customer_id account_id cust_id "
        "cc_num カード番号 カードid カード会員番号 会員番号 カード参照番号 会員id 顧客番号"
    ),
    "merchant_id": _words(
        "merchant mid merchant_no merchant_code merchant_number shop_id store_id terminal_id "
        "terminal de42 card_acceptor_id 加盟店番号 加盟店コード 加盟店id 店舗番号 店番"
    ),
    "authorized_at": _words(
        "tx_datetime datetime timestamp transaction_time transaction_datetime auth_time time "
        "authorised_at authorization_time trans_date_trans_time 利用日時 承認日時 取引日時 "
        "オーソリ日時"
    ),
    "authorized_date": _words(
        "date tx_date transaction_date auth_date trans_date 利用日 承認日 取引日 利用年月日"
    ),
    "authorized_time": _words(
        "tx_time auth_time trans_time time 利用時刻 承認時刻 取引時刻 利用時間"
    ),
    "transaction_id": _words(
        "tx_id txn_id trans_id transaction_no trans_num arn rrn 取引番号 取引id 伝票番号"
    ),
    "acquirer_id": _words("acquirer acquirer_no aid 加盟店会社 アクワイアラ アクワイアラー"),
    "terminal_id": _words("terminal tid 端末番号 端末識別番号"),
    "fraud_at": _words(
        "fraud_datetime fraud_date_time tx_datetime transaction_time 不正利用日時 不正日時"
    ),
    "fraud_date": _words("fraud_day tx_date 不正利用日 不正日 利用日"),
    "reported_at": _words("report_date reported report_time 報告日 報告日時 申告日 届出日"),
    "window_start": _words("start start_date from exposed_from 漏えい開始日 開始日 期間開始"),
    "window_end": _words("end end_date to until exposed_until 漏えい終了日 終了日 期間終了"),
    "fraud_type": _words("type fraud_code reason 不正種別 不正区分 被害区分 手口"),
    "is_fraud": _words("tx_fraud fraud fraud_flag isfraud label 不正フラグ 不正"),
    "amount": _words("tx_amount amt value 金額 利用金額"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``known=own`` pair of ``--columns``; ``position`` counts from 1."""

    role: Role | None
    known: str
    own: str
    position: int | None


@dataclass
class ColumnMapping:
    """What ``--columns`` said, and which of it some file could use."""

    entries: tuple[Entry, ...]
    used: set[Entry] = field(default_factory=set)

    def for_role(self, role: Role) -> tuple[Entry, ...]:
        """Give the entries meant for a file of this role; later files do not inherit positions."""
        return tuple(
            entry
            for entry in self.entries
            if entry.role is role
            or (
                entry.role is None
                and entry.known in KNOWN[role]
                and (entry.position is None or role is Role.TRANSACTIONS)
            )
        )

    def has_positions(self, role: Role) -> bool:
        """Tell whether a file of this role is described by positions."""
        return any(entry.position is not None for entry in self.for_role(role))

    def check_all_used(self) -> None:
        """Raise MissingColumn for a name that no file has: most likely a typing error."""
        for entry in self.entries:
            if entry not in self.used:
                raise MissingColumn(
                    f"--columns {entry.known}={entry.own}: no file has a column {entry.own!r}",
                    hint="Check the spelling; names are compared without regard to case.",
                )


def parse_mapping(columns: Mapping[str, str]) -> ColumnMapping:
    """``--columns`` as pairs, with the known name on either side and an optional role in front.

    Raises BadInput for a pair in which no side is a known name.
    """
    return ColumnMapping(tuple(_entry(left, right) for left, right in columns.items()))


def _entry(left: str, right: str) -> Entry:
    role, left = _split_role(left.strip())
    other, right = _split_role(right.strip())
    role = role or other
    every = {name for known in KNOWN.values() for name in known}
    allowed = set(KNOWN[role]) if role else every
    if folded(left) in allowed:
        known, own = folded(left), right
    elif folded(right) in allowed:
        known, own = folded(right), left
    else:
        near = difflib.get_close_matches(folded(left), allowed, n=1) or difflib.get_close_matches(
            folded(right), allowed, n=1
        )
        offer = f"Did you mean {near[0]}? " if near else ""
        raise BadInput(
            f"--columns {left}={right}: neither side is a column that Sekisho knows",
            hint=f"{offer}Known: {', '.join(sorted(allowed))}.",
        )
    position = int(own) if re.fullmatch(r"[0-9]{1,4}", own) and int(own) > 0 else None
    if not own:
        raise BadInput(f"--columns {left}={right}: one side is empty")
    if position is not None and role is None and known not in KNOWN[Role.TRANSACTIONS]:
        raise BadInput(
            f"--columns {left}={right}: a position without a role is one in the transactions",
            hint=f"Say which file: --columns fraud.{position}={known}",
        )
    return Entry(role, known, own, position)


def _split_role(name: str) -> tuple[Role | None, str]:
    head, dot, rest = name.partition(".")
    if dot and head in list(Role):
        return Role(head), rest
    return None, name


def folded(name: str) -> str:
    """Make a name as it is compared: one width, one case, no space or byte-order mark around it."""
    return unicodedata.normalize("NFKC", name).strip(" \t\ufeff\u3000'\"").casefold()


def shown(name: str, position: int) -> str:
    """Make a column name fit for a message: what may be a value of a row is never shown."""
    if re.search(r"[0-9]{5}", unicodedata.normalize("NFKC", name)) or not name.strip():
        return f"(column {position})"
    return name if len(name) <= 40 else name[:39] + "…"


def resolve(label: str, role: Role, names: Sequence[str], mapping: ColumnMapping) -> dict[str, int]:
    """Find where each known column of ``role`` is found: name to index into ``names``.

    ``--columns`` comes first, then equal names. Raises MissingColumn if nothing complete is there,
    naming the file, what is missing, what is there and the nearest names.
    """
    places: dict[str, int] = {}
    by_name: dict[str, int] = {}
    for index, name in enumerate(names):
        by_name.setdefault(folded(name), index)
    for entry in mapping.for_role(role):
        place = _place(label, entry, by_name, len(names))
        if place is not None:
            places[entry.known] = place
            mapping.used.add(entry)
    taken = set(places.values())
    for known in KNOWN[role]:
        if known not in places and by_name.get(known) is not None and by_name[known] not in taken:
            places[known] = by_name[known]
    _drop_stand_ins(places)
    if missing := missing_of(role, places):
        raise _missing(label, role, missing, names)
    return places


def _place(label: str, entry: Entry, by_name: Mapping[str, int], width: int) -> int | None:
    if entry.position is None:
        return by_name.get(folded(entry.own))
    if folded(entry.own) in by_name:  # a column whose name is a number
        return by_name[folded(entry.own)]
    if entry.position > width:
        raise MissingColumn(
            f"{label}: --columns {entry.position}={entry.known}, but there are {width} columns",
            hint="Positions count from 1.",
        )
    return entry.position - 1


def _drop_stand_ins(places: dict[str, int]) -> None:
    """Keep one source for each time and for the amount."""
    for whole, (date_part, time_part) in PAIRS.items():
        if whole in places or date_part not in places:
            places.pop(date_part, None)
            places.pop(time_part, None)
    if "amount_minor" in places:
        places.pop("amount", None)


def missing_of(role: Role, places: Iterable[str]) -> tuple[str, ...]:
    """Say what is missing for the first way to be complete; empty if any way is."""
    have = set(places)
    have |= {whole for whole, (date_part, _) in PAIRS.items() if date_part in have}
    if "pan" in have:  # refused later, with the command that replaces card numbers
        have.add("card_ref")
    gaps = [tuple(name for name in way if name not in have) for way in REQUIRED[role]]
    return () if () in gaps else gaps[0]


def _missing(label: str, role: Role, missing: Sequence[str], names: Sequence[str]) -> MissingColumn:
    there = ", ".join(shown(name, index + 1) for index, name in enumerate(names[:30]))
    offers = [offer for known in missing for offer in _offers(known, names)]
    prefix = "" if role is Role.TRANSACTIONS else f"{role}."
    if offers:
        pairs = ",".join(f"{prefix}{known}={own}" for known, own in offers)
        hint = f"If these are meant, say so: --columns {_shell(pairs)}"
    else:
        pairs = ",".join(f"{prefix}{known}=NAME" for known in missing)
        hint = f"Say which columns are meant: --columns {pairs}"
    if role is Role.FRAUD:
        hint += " (a fraud file needs card_ref and fraud_at, or transaction_id)"
    if role is Role.KNOWN_LEAKS:
        hint += " (operator_id or processor_id may stand in for merchant_id)"
    return MissingColumn(
        f"{label}: no column for {', '.join(missing)}; columns there: {there}", hint=hint
    )


def _shell(text: str) -> str:
    return text if re.fullmatch(r"[\w.=,-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _offers(known: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Give the nearest own name for ``known`` or for the pair that may stand in for it."""
    if near := _nearest(known, names):
        return [(known, near)]
    if known in PAIRS:
        date_part, time_part = PAIRS[known]
        if near_date := _nearest(date_part, names):
            near_time = _nearest(time_part, [name for name in names if name != near_date])
            return [(date_part, near_date)] + ([(time_part, near_time)] if near_time else [])
    return []


def _nearest(known: str, names: Sequence[str]) -> str | None:
    spellings = {_bare(name): name for name in reversed(names) if shown(name, 0) == name}
    for synonym in (known, *SYNONYMS.get(known, ())):
        if _bare(synonym) in spellings:
            return spellings[_bare(synonym)]
    close = difflib.get_close_matches(_bare(known), spellings, n=1, cutoff=0.72)
    return spellings[close[0]] if close else None


def _bare(name: str) -> str:
    return re.sub(r"[\s_\-./]", "", folded(name))
