"""Which columns are never stored, and which only sound as if they were."""

from __future__ import annotations

import pyarrow as pa
import pytest

from sekisho.vault.sensitive import (
    ABSENT,
    LAST_FOUR,
    MATCH,
    NO_MATCH,
    PIN,
    SECURITY_CODE,
    TRACK,
    code_outcome,
    is_code_result,
    mask_codes,
    why_never_stored,
)


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


@pytest.mark.parametrize(
    ("name", "value", "outcome"),
    [
        ("cvv_result", "M", MATCH),
        ("cvv_result", "match", MATCH),
        ("cvv_result", "No Match", NO_MATCH),
        ("cvv_result", "n", NO_MATCH),
        ("cvv_result", "P", ABSENT),
        ("cvv_result", "Y", None),
        ("cvv_match", "Y", MATCH),
        ("cvv_match", "false", NO_MATCH),
        ("セキュリティコード照合結果", "不一致", NO_MATCH),
        ("セキュリティコード照合結果", "一致", MATCH),
        ("セキュリティコード照合結果", "未入力", ABSENT),
        ("cvv_result", "123", None),
        ("cvv_result", "１２３", None),
        ("cvv_result", "M123", None),
        ("cvv_result", "whatever 1234", None),
    ],
)
def test_the_outcome_of_a_check_is_one_of_three_words(
    name: str, value: str, outcome: str | None
) -> None:
    assert is_code_result(name)
    assert code_outcome(name, value) == outcome


@pytest.mark.parametrize("name", ["result", "response_code", "cvv", "merchant_id", "一致"])
def test_other_columns_are_no_outcomes(name: str) -> None:
    assert not is_code_result(name)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("cvv=123", "cvv=***"),
        ("CVV: 123, thanks", "CVV: ***, thanks"),
        ('{"cvc":"1234","amount":1234}', '{"cvc":"***","amount":1234}'),
        ("the security code is 987.", "the security code is ***."),
        ("セキュリティコードは１２３です", "セキュリティコードは***です"),
        ("cvv2 12345", "cvv2 12345"),
        ("recvv 123456", "recvv 123456"),
        ("amount 123", "amount 123"),
        (";4111111111111111=29122010000000000123?", "******"),
        ("raw 4111111111111111D29122010000000000123 end", "raw ****** end"),
        ("%B4111111111111111^DOE/J^29122010000000000123? x", "****** x"),
        ("a=1 b=2", "a=1 b=2"),
    ],
)
def test_codes_and_tracks_inside_text_are_masked(text: str, masked: str) -> None:
    assert mask_codes(text) == masked
