"""How the text of one cell becomes a value: identifiers, marks, amounts, as SQL expressions.

Identifiers are text and keep their leading zeros. Full-width letters, digits and signs are read
as the half-width ones; names are left as they are written.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from sekisho.warehouse.sqltext import fill, identifier, literal, literals

_BLANKS = " \t\u3000\u00a0"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


YES = _words(
    "1 t true y yes on ok approved 承認 承認済 承認済み 可 有 有り あり ○ 〇 済 はい 不正 登録済"
)
NO = _words(
    "0 f false n no off ng declined 否認 不承認 拒否 不可 無 無し なし × 未 いいえ 正常 未登録"
)

# Minor units per major unit where it is not 100 (ISO 4217).
_NO_DECIMALS = _words(
    "JPY 392 KRW 410 VND 704 CLP 152 ISK 352 PYG 600 UGX 800 VUV 548 XAF 950 XOF 952 XPF 953 "
    "BIF 108 DJF 262 GNF 324 KMF 174 RWF 646"
)
_THREE_DECIMALS = _words("BHD 048 IQD 368 JOD 400 KWD 414 LYD 434 OMR 512 TND 788")


def one_width(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give the text column with full-width letters, digits and signs made half-width (NFKC).

    Done here and not in SQL: the engine's ``translate`` takes microseconds for each cell.
    """
    if pc.all(pc.string_is_ascii(column)).as_py() is not False:
        return column
    return pc.replace_substring(pc.utf8_normalize(column, "NFKC"), "\u2212", "-")


def trimmed(column: str) -> str:
    """Write SQL for the trimmed text of a column; empty is NULL."""
    return fill(
        "nullif(trim({name}, {blanks}), '')", name=identifier(column), blanks=literal(_BLANKS)
    )


def flag(text: str) -> str:
    """Write SQL for a yes-or-no mark; NULL for a mark that is not known."""
    return fill(
        "CASE WHEN lower({text}) IN ({yes}) THEN true WHEN lower({text}) IN ({no}) THEN false END",
        text=text,
        yes=literals(YES),
        no=literals(NO),
    )


def number(text: str) -> str:
    """Write SQL for a printed number with separators, currency signs and any kind of minus."""
    return fill(
        "TRY_CAST(regexp_replace(regexp_replace({text}, '[,¥￥\\\\円 ]', '', 'g'), '^[△▲]', '-') "
        "AS DECIMAL(18, 4))",
        text=text,
    )


def minor_units(value: str, currency: str | None, *, whole: bool) -> str:
    """Write SQL for integer minor units of the number ``value`` in major units.

    ``currency`` is SQL for an ISO 4217 code, letters or digits. Without one, ``whole`` decides:
    a column of whole amounts is in a currency without decimals.
    """
    if currency is None:
        scale = "1" if whole else "100"
    else:
        scale = fill(
            "CASE WHEN upper({currency}) IN ({none}) THEN 1 "
            "WHEN upper({currency}) IN ({three}) THEN 1000 ELSE 100 END",
            currency=currency,
            none=literals(_NO_DECIMALS),
            three=literals(_THREE_DECIMALS),
        )
    return fill("TRY_CAST(round({value} * {scale}) AS BIGINT)", value=value, scale=scale)
