"""Which columns are never stored, and which only sound as if they were."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sekisho.vault.sensitive import LAST_FOUR, PIN, SECURITY_CODE, TRACK, why_never_stored


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("cvv", ["123"], SECURITY_CODE),
        ("CVV2", ["123"], SECURITY_CODE),
        ("card_cvc", ["x"], SECURITY_CODE),
        ("cav2", [], SECURITY_CODE),
        ("Security Code", ["1234"], SECURITY_CODE),
        ("セキュリティコード", ["123"], SECURITY_CODE),
        ("ｾｷｭﾘﾃｨｺｰﾄﾞ", ["123"], SECURITY_CODE),
        ("セキュリティーコード", [""], SECURITY_CODE),
        ("cid", ["1234", "1111"], SECURITY_CODE),
        ("cid", ["C000123", "C000124"], ""),
        ("security_code_result", ["M", "N"], ""),
        ("security_code_result", ["123", "999"], SECURITY_CODE),
        ("セキュリティコード照合結果", ["一致"], ""),
        ("pin", ["1234"], PIN),
        ("pin", ["530001", "530002"], ""),
        ("暗証番号", [""], PIN),
        ("pin_block", [""], PIN),
        ("track2", [""], TRACK),
        ("DE35", [""], TRACK),
        ("磁気データ", [""], TRACK),
        ("raw", [";4111111111111111=29122010000000000000?"], TRACK),
        ("raw", ["%B4111111111111111^TEST/CARD^2912201?"], TRACK),
        ("last4", ["1111"], LAST_FOUR),
        ("カード番号下4桁", ["1111"], LAST_FOUR),
        ("カード番号下４桁", ["1111"], LAST_FOUR),
        ("shown", ["411111******1111", "****-****-****-1111"], LAST_FOUR),
        ("last4weeks_spend", ["12000"], ""),
        ("merchant_id", ["M1"], ""),
        ("mcc", ["5411"], ""),
        ("expiry", ["12/29"], ""),
        ("authorized_at", ["2026-01-01 00:00:00"], ""),
        ("tracking_no", ["1Z999"], ""),
    ],
)
def test_columns(name: str, values: list[str], why: str) -> None:
    assert why_never_stored(name, pa.array(values, pa.string())) == why


def test_a_column_without_text_is_known_by_its_name() -> None:
    assert why_never_stored("cvv", None) == SECURITY_CODE
    assert why_never_stored("amount", None) == ""
