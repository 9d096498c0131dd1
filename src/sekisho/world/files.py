"""A world as files: what a bank would hand in, and the truth beside it.

``transactions``, ``fraud``, ``merchants`` and ``cards`` (Parquet) have the columns of the trace
command's input. The truth: ``truth.json`` (leaks, what an oracle could have known, shops where
stolen cards go), ``truth_fraud.parquet`` (every fraudulent row with its cause, reported or not),
``truth_cards.parquet`` (who holds a card, how prone it is to fraud), ``truth_exposed.parquet``.
"""

from __future__ import annotations

import contextlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sekisho.domain.errors import OutputFailed
from sekisho.world import names
from sekisho.world.dress import (
    CODE_RESULTS,
    COUNTRIES,
    ECIS,
    ENTRY_MODES,
    INITIATORS,
    MESSAGE_TYPES,
    Transactions,
)
from sekisho.world.economy import (
    ROLE_SPEND,
    ROLE_SPEND_INSTORE,
    ROLE_TEST,
    ROLE_TEST_ONLY,
    Economy,
)
from sekisho.world.episodes import Cause, bin_names
from sekisho.world.kernels import DAY, NEVER
from sekisho.world.ledger import FRAUD_TYPES, Ledger, card_refs
from sekisho.world.oracle import oracle

ROW_GROUP = 500_000  # at least; more where the dictionary of cards would outweigh the rows
_CODED = (
    "card_ref", "acquirer_id", "merchant_id", "terminal_id", "currency", "mcc", "entry_mode",
    "eci", "initiator", "message_type", "country", "bin",
    "security_code_result",
)  # fmt: skip


def _coded(codes: NDArray[Any], words: Any) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), words, safe=False)


class Codebook:
    """The words behind the codes of a world's transactions, as Arrow dictionaries."""

    def __init__(self, economy: Economy) -> None:
        merchants = economy.merchants
        self._economy = economy
        self.start = np.datetime64(economy.spec.start, "us")
        self.merchant = pa.array(merchants.merchant_id)
        self.acquirer = pa.array([f"A{k + 1:02d}" for k in range(economy.spec.merchants.acquirers)])
        counts = merchants.terminals.astype(np.int64)
        self.terminal_start = (np.cumsum(counts) - counts).astype(np.int32)
        pairs = zip(merchants.merchant_id, counts.tolist(), strict=True)
        self.terminal = pa.array([f"T{m[1:]}{k + 1:02d}" for m, n in pairs for k in range(n)])
        self.mcc = pa.array(names.MCCS)
        self.bin = pa.array(bin_names(economy.spec.cards.products))
        self.eci = pa.array([e or None for e in ECIS])

    def card(self, count: int) -> pa.Array:
        """Return the references of cards 0..count-1."""
        refs = card_refs(count, self._economy.seed)
        offsets = np.arange(count + 1, dtype=np.int32) * 12
        return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(refs))

    def times(self, second: NDArray[np.int64]) -> NDArray[np.datetime64]:
        """Wall clock (JST, naive) of seconds."""
        return self.start + second * np.timedelta64(1_000_000, "us")

    def table(self, rows: Transactions, cards: int) -> pa.Table:
        """Transactions as an Arrow table with the columns of the trace command's input."""
        merchants = self._economy.merchants
        eci = pa.array(rows.eci - 1, mask=rows.eci == 0)
        columns = {
            "card_ref": _coded(rows.card, self.card(cards)),
            "transaction_id": pa.array(rows.transaction_id),
            "acquirer_id": _coded(merchants.acquirer[rows.merchant], self.acquirer),
            "merchant_id": _coded(rows.merchant, self.merchant),
            "terminal_id": _coded(
                self.terminal_start[rows.merchant] + rows.terminal, self.terminal
            ),
            "authorized_at": pa.array(self.times(rows.second), pa.timestamp("us")),
            "amount_minor": pa.array(rows.amount_minor),
            "currency": _coded(np.zeros(len(rows), np.int8), pa.array(["JPY"])),
            "mcc": _coded(merchants.mcc[rows.merchant], self.mcc),
            "entry_mode": _coded(rows.entry_mode, pa.array(ENTRY_MODES)),
            "eci": pa.DictionaryArray.from_arrays(eci, pa.array(ECIS[1:])),
            "initiator": _coded(rows.initiator, pa.array(INITIATORS)),
            "stored_credential": pa.array(rows.stored_credential),
            "approved": pa.array(rows.approved),
            "message_type": _coded(rows.message_type, pa.array(MESSAGE_TYPES)),
            "country": _coded(rows.country, pa.array(COUNTRIES)),
            "bin": _coded(rows.bin, self.bin),
            "security_code_result": pa.DictionaryArray.from_arrays(
                pa.array(rows.security_code_result - 1, mask=rows.security_code_result == 0),
                pa.array(CODE_RESULTS[1:]),
            ),
        }
        return pa.table(columns)


def fraud_table(ledger: Ledger, book: Codebook) -> pa.Table:
    """List the fraud reports that the bank has at the history's end, by time of report."""
    known = np.flatnonzero(ledger.in_file())
    known = known[np.argsort(ledger.fraud.reported[known], kind="stable")]
    rows = ledger.fraud
    return pa.table({
        "transaction_id": ledger.fraud_id[known],
        "card_ref": book.card(ledger.cards.count).take(pa.array(rows.card[known])),
        "fraud_at": pa.array(book.times(rows.second[known]), pa.timestamp("us")),
        "reported_at": pa.array(book.times(rows.reported[known]), pa.timestamp("us")),
        "fraud_type": pa.array(FRAUD_TYPES).take(pa.array(ledger.fraud_type[known])),
    })  # fmt: skip


def merchant_table(economy: Economy) -> pa.Table:
    """Merchants; one that was sold has a row for each operator. Both dates are inside."""
    m = economy.merchants
    days: list[dict[str, Any]] = []
    for k, merchant_id in enumerate(m.merchant_id):
        row = {
            "acquirer_id": f"A{m.acquirer[k] + 1:02d}",
            "merchant_id": merchant_id,
            "name": m.name[k],
            "operator_id": f"O{m.operator[k] + 1:06d}",
            "processor_id": f"P{m.processor[k] + 1:02d}",
            "valid_from": None,
            "valid_to": None,
        }
        if m.sold_day[k] < 0:
            days.append(row)
            continue
        sold = economy.spec.start + timedelta(days=int(m.sold_day[k]))
        days.append(row | {"valid_to": sold - timedelta(days=1)})
        days.append(row | {"valid_from": sold, "operator_id": f"O{m.sold_to[k] + 1:06d}"})
    text = ("acquirer_id", "merchant_id", "name", "operator_id", "processor_id")
    schema = pa.schema(
        [(c, pa.string()) for c in text] + [("valid_from", pa.date32()), ("valid_to", pa.date32())]
    )
    return pa.Table.from_pylist(days, schema)


def _dates(book: Codebook, second: NDArray[np.int64], hidden: NDArray[np.bool_]) -> pa.Array:
    day = book.start.astype("datetime64[D]") + np.where(hidden, 0, second) // DAY
    return pa.array(day, pa.date32(), mask=hidden)


def card_table(ledger: Ledger, book: Codebook) -> pa.Table:
    """Cards issued by the history's end; ``closed_on`` is the day of the last moment."""
    cards, economy = ledger.cards, ledger.economy
    n = cards.count
    issued = np.flatnonzero(cards.opened[:n] < ledger.stop)
    refs = book.card(n)
    heir = cards.successor[issued]
    no_heir = (heir < 0) | (cards.opened[heir] >= ledger.stop)
    closed = cards.closed[issued]
    account = cards.account[issued]
    never = np.zeros(issued.size, np.bool_)
    products = [names.PRODUCTS[k % len(names.PRODUCTS)] for k in range(economy.spec.cards.products)]
    products[-1] = "cobrand"
    areas = [f"area-{k + 1:02d}" for k in range(economy.spec.merchants.home_areas)]
    return pa.table({
        "card_ref": refs.take(pa.array(issued)),
        "opened_on": _dates(book, cards.opened[issued], never),
        "closed_on": _dates(book, closed, closed >= ledger.stop),
        "replaced_by": refs.take(pa.array(heir, mask=no_heir)),
        "expires_on": _dates(book, cards.expires[issued], never),
        "product": pa.array(products).take(pa.array(economy.product[account])),
        "home_area": pa.array(areas).take(pa.array(economy.habits.area[account])),
    })  # fmt: skip


def _truth_tables(ledger: Ledger, book: Codebook) -> dict[str, pa.Table]:
    rows, cards = ledger.fraud, ledger.cards
    refs = book.card(cards.count)
    n = cards.count
    issued = np.flatnonzero(cards.opened[:n] < ledger.stop)
    account = cards.account[issued]
    leaks, exposed = np.nonzero(cards.first[:, :n] < NEVER)
    unreported = rows.reported == NEVER
    moment = pa.timestamp("us")
    return {
        "truth_fraud": pa.table({
            "transaction_id": ledger.fraud_id,
            "card_ref": refs.take(pa.array(rows.card)),
            "fraud_at": pa.array(book.times(rows.second), moment),
            "reported_at": pa.array(
                book.times(np.where(unreported, 0, rows.reported)), moment, mask=unreported
            ),
            "cause": pa.array([c.name.lower() for c in Cause]).take(pa.array(rows.cause)),
            "leak": pa.array(rows.leak, mask=rows.leak < 0),
        }),
        "truth_cards": pa.table({
            "card_ref": refs.take(pa.array(issued)),
            "account": account,
            "hazard_factor": ledger.economy.factor[account],
        }),
        "truth_exposed": pa.table({
            "leak": leaks.astype(np.int16),
            "card_ref": refs.take(pa.array(exposed)),
            "first_exposed_at": pa.array(book.times(cards.first[leaks, exposed]), moment),
            "last_exposed_at": pa.array(book.times(cards.last[leaks, exposed]), moment),
            "exposures": cards.times[leaks, exposed],
        }),
    }  # fmt: skip


def truth_record(ledger: Ledger) -> dict[str, Any]:
    """``truth.json``: leaks with members, windows and the oracle's view at the history's end."""
    m = ledger.economy.merchants
    leaks = []
    for number, leak in enumerate(ledger.leaks):
        judged = oracle(ledger, number)
        members = [
            {
                "acquirer_id": f"A{m.acquirer[shop] + 1:02d}",
                "merchant_id": m.merchant_id[shop],
                "name": m.name[shop],
                "terminal_id": f"T{m.merchant_id[shop][1:]}01" if leak.terminal >= 0 else None,
                "operator_id": f"O{m.operator[shop] + 1:06d}",
                "processor_id": f"P{m.processor[shop] + 1:02d}",
                "window_start": ledger.moment(first).date().isoformat(),
                "window_end": ledger.moment(stop - 1).date().isoformat(),
            }
            for shop, first, stop in zip(leak.merchants, leak.first, leak.stop, strict=True)
        ]
        leaks.append({
            "leak": number,
            "kind": str(leak.spec.kind),
            "data_taken": str(leak.spec.data_taken),
            "timing": str(leak.spec.timing),
            "misuse_share": leak.spec.misuse_share,
            "members": members,
            "oracle": {
                "as_of": judged.as_of.isoformat(),
                "cards_exposed": judged.exposed,
                "victims": judged.victims,
                "victims_of_this_leak": judged.misused,
                "expected": judged.expected,
                "hazard_per_card_day": judged.hazard,
                "log10_p": judged.log10_p,
            },
        })  # fmt: skip

    def shops(*roles: int) -> list[str]:
        return [m.merchant_id[k] for k in m.of_role(*roles)]

    return {
        "schema": "sekisho.world/1",
        "seed": ledger.economy.seed,
        "start": ledger.economy.spec.start.isoformat(),
        "days": ledger.economy.spec.days,
        "leaks": leaks,
        "test_shops": shops(ROLE_TEST, ROLE_TEST_ONLY),
        "test_shops_without_custom": shops(ROLE_TEST_ONLY),
        "spend_shops": shops(ROLE_SPEND, ROLE_SPEND_INSTORE),
        "cobrand_partner": m.merchant_id[ledger.economy.market.partner],
        "bin_attacks": _bursts(ledger),
    }


def _bursts(ledger: Ledger) -> list[dict[str, Any]]:
    rows = ledger.fraud
    which = np.flatnonzero(rows.cause == Cause.BIN_ATTACK)
    pairs = np.stack([rows.merchant[which], rows.second[which] // DAY], axis=1)
    found, cards = np.unique(pairs, axis=0, return_counts=True)
    return [
        {
            "merchant_id": ledger.economy.merchants.merchant_id[shop],
            "day": ledger.moment(day * DAY).date().isoformat(),
            "cards": count,
        }
        for (shop, day), count in zip(found.tolist(), cards.tolist(), strict=True)
    ]


class WorldWriter:
    """Writes a world into a folder, chunk by chunk; nothing half written stays behind."""

    def __init__(self, economy: Economy, folder: Path) -> None:
        self.book = Codebook(economy)
        self.rows = 0
        self._folder = folder
        self._partial = folder / "transactions.parquet.partial"
        self._writer: pq.ParquetWriter | None = None
        self._written: list[Path] = []

    def add(self, rows: Transactions, cards: int) -> None:
        """Write finished transactions; ``cards`` have been issued so far."""
        table = self.book.table(rows, cards)
        try:
            if self._writer is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._writer = pq.ParquetWriter(
                    self._partial, table.schema, compression="zstd", compression_level=1,
                    use_dictionary=list(_CODED), dictionary_pagesize_limit=2**27,
                    column_encoding=dict.fromkeys(
                        ("transaction_id", "authorized_at"), "DELTA_BINARY_PACKED"
                    ),
                    store_schema=False,
                )  # fmt: skip
            self._writer.write_table(table, row_group_size=max(ROW_GROUP, 8 * cards))
        except OSError as error:
            self.abandon()
            raise OutputFailed(
                f"cannot write the world: {error}", hint="Free some room."
            ) from error
        self.rows += len(rows)

    def abandon(self) -> None:
        """Remove what was written so far."""
        with contextlib.suppress(OSError):
            if self._writer is not None:
                self._writer.close()
        self._partial.unlink(missing_ok=True)
        for path in self._written:
            path.unlink(missing_ok=True)

    def finish(self, ledger: Ledger) -> None:
        """Write everything else; the transactions get their name last but one, the truth last."""
        tables = {
            "fraud": fraud_table(ledger, self.book),
            "merchants": merchant_table(ledger.economy),
            "cards": card_table(ledger, self.book),
            **_truth_tables(ledger, self.book),
        }
        try:
            if self._writer is not None:
                self._writer.close()
            for name, table in tables.items():
                path = self._folder / f"{name}.parquet"
                self._written.append(path)
                pq.write_table(table, path, compression="zstd", store_schema=False)
            self._written += [self._folder / "transactions.parquet", self._folder / "truth.json"]
            self._partial.replace(self._folder / "transactions.parquet")
            text = json.dumps(truth_record(ledger), ensure_ascii=False, indent=1)
            (self._folder / "truth.json").write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            self.abandon()
            raise OutputFailed(
                f"cannot write the world: {error}", hint="Free some room."
            ) from error
