"""Message in, answer out: what the standard says for each kind, and for what is wrong."""

from __future__ import annotations

import dataclasses
import logging
from datetime import date

import pytest

from gateways.iso8583.desk import SmallDesk
from gateways.iso8583.samples import CARD, NOW, request, reversal, vectors
from invented_cards import naive_luhn
from sekisho.domain.authorization import CodeResult, RequestKind
from sekisho.gateways.inbound.iso8583.codec import Codec, Unreadable
from sekisho.gateways.inbound.iso8583.exchange import Exchange, Outcome, approval_of
from sekisho.gateways.inbound.iso8583.log import Sparing
from sekisho.gateways.inbound.iso8583.mapping import CardReader, Meaning
from sekisho.gateways.inbound.iso8583.private import Place
from sekisho.gateways.inbound.iso8583.settings import (
    DoorSettings,
    NameSplit,
    StandIn,
    StandInPolicy,
    plain,
)
from sekisho.rulebook import response_codes

CODEC = Codec(plain().variant)


def surrogate(number: str) -> str | None:
    """As the vault: a reference for a card number whose check digit fits."""
    return f"ref-{hash(number) & 0xFFFF:04x}" if naive_luhn(number) else None


def exchange(desk: SmallDesk, settings: DoorSettings | None = None) -> Exchange:
    told = settings or plain()
    cards = CardReader(surrogate, lambda _, expiry: expiry == "2808")
    codes = response_codes.shipped(told.network, date(2026, 11, 24))
    return Exchange(told, desk, Meaning(told, cards, {"JP": "392", "US": "840"}), codes.of)


def answered(
    door: Exchange, fields: dict[int, str], kind: str = "0100", now: int = NOW
) -> tuple[str, dict[int, str]]:
    """Type and fields of the answer; "" where there is none."""
    reply = door.answer(CODEC.encode(kind, fields), now)
    if not reply.content:
        return "", {}
    message = CODEC.decode(reply.content)
    assert message.wrong == []
    return message.type, message.fields


# ------------------------------------------------------------------ the vectors


def test_the_answers_of_the_shared_vectors(desk: SmallDesk) -> None:
    door = exchange(desk)
    pairs = [
        ("0100_auth_request", "0110_declined_59"),
        ("0120_stip_advice", "0130_advice_response"),
        ("0400_reversal", "0410_reversal_response"),
        ("0800_signon", "0810_signon_ok"),
    ]
    for asked, wanted in pairs:
        reply = door.answer(vectors()[asked]["ascii"].encode("ascii"), NOW)
        assert reply.content.decode("ascii") == vectors()[wanted]["ascii"]


# ------------------------------------------------------------------ authorizations


def test_what_the_engine_is_told(desk: SmallDesk) -> None:
    answered(exchange(desk), request())
    (told,) = desk.requests
    assert dataclasses.asdict(told) == {
        "request_id": f"{NOW - 1}.000123.12345678901.923000000123",
        "card_ref": surrogate(CARD),
        "acquirer_id": "12345678901",
        "merchant_id": "JPSHOP000000001",
        "authorized_at": NOW - 1,
        "received_at": NOW,
        "amount_minor": 70_000,
        "currency": "392",
        "kind": RequestKind.REQUEST,
        "merchant_name": "KAKUU GADGET",
        "terminal_id": "ECOM0001",
        "mcc": "5732",
        "processing_code": "000000",
        "entry_mode": "81",
        "eci": "",
        "code_result": CodeResult.ABSENT,
        "expiry_matches": True,
        "initiator": "",
        "country": "392",
        "approved": None,
    }


def test_a_decline_and_an_approval(desk: SmallDesk) -> None:
    door = exchange(desk)
    kind, fields = answered(door, request())
    assert (kind, fields[39], 38 in fields) == ("0110", "59", False)
    kind, fields = answered(door, request(f4="000000000800", f11="000124"))
    assert (kind, fields[39], len(fields[38])) == ("0110", "00", 6)
    assert fields[38] == approval_of(desk.decisions[desk.requests[1].request_id].decision_id)


def test_everything_that_names_the_request_is_echoed(desk: SmallDesk) -> None:
    asked = request(f6="000000070000", f51="392", f23="001", f33="99", f15="0818", f10="61000000")
    _, fields = answered(exchange(desk), asked)
    echoed = {number: text for number, text in fields.items() if number not in (38, 39)}
    assert echoed == {
        number: asked[number]
        for number in (2, 3, 4, 6, 7, 10, 11, 12, 13, 15, 19, 23, 32, 33, 37, 41, 42, 49, 51)
    }


def test_a_repeat_gets_the_answer_of_the_first(desk: SmallDesk) -> None:
    door = exchange(desk)
    first = door.answer(CODEC.encode("0100", request(f4="000000000800")), NOW).content
    later = door.answer(CODEC.encode("0100", request(f4="000000000800")), NOW + 30).content
    repeat = door.answer(CODEC.encode("0101", request(f4="000000000800")), NOW + 60).content
    assert first == later == repeat
    assert len(desk.requests) == 1


def test_an_advice_is_counted_and_never_declined(desk: SmallDesk) -> None:
    door = exchange(desk)
    kind, fields = answered(door, request(f39="00", f38="A1B2C3"), "0120")
    assert (kind, fields[39], 38 in fields) == ("0130", "00", False)
    answered(door, request(f39="05", f11="000125"), "0120")
    answered(door, request(f38="A1B2C3", f11="000126"), "0121")
    answered(door, request(f11="000127"), "0120")
    assert [one.approved for one in desk.requests] == [True, False, True, False]
    assert {one.kind for one in desk.requests} == {RequestKind.ADVICE}


@pytest.mark.parametrize(
    ("changes", "minor", "currency"),
    [
        ({"f4": "000000070000", "f49": "392"}, 70_000, "392"),
        ({"f4": "000000001234", "f49": "414"}, 1_234, "414"),
        ({"f4": "000000000999", "f49": "840", "f6": "000000001492", "f51": "392"}, 1_492, "392"),
        ({"f4": "000000000999", "f49": "840", "f6": "000000001492"}, 999, "840"),
        ({"f4": "000000000000"}, 0, "392"),
        ({"f4": "999999999999"}, 10**12 - 1, "392"),
    ],
)
def test_amounts_are_minor_units_of_their_currency(
    desk: SmallDesk, changes: dict[str, str], minor: int, currency: str
) -> None:
    answered(exchange(desk), request(**changes))
    assert (desk.requests[0].amount_minor, desk.requests[0].currency) == (minor, currency)


def test_a_network_that_writes_yen_with_decimals(desk: SmallDesk) -> None:
    door = exchange(desk, dataclasses.replace(plain(), exponents={"392": 2}))
    answered(door, request(f4="000007000000"))
    assert desk.requests[0].amount_minor == 70_000
    _, fields = answered(door, request(f4="000007000001", f11="000124"))
    assert fields[39] == "13"


def test_where_the_shop_is(desk: SmallDesk) -> None:
    door = exchange(desk)
    abroad = f"{'SHOP':<23}{'NEW YORK':<13}NYUS"
    answered(door, request(f43=abroad))
    answered(door, request(f43=None, f11="000124"))
    answered(door, request(f43=f"{'SHOP':<38}ZZ", f19=None, f11="000125"))
    assert [one.country for one in desk.requests] == ["840", "392", ""]
    wide = dataclasses.replace(plain(), name_split=NameSplit(25, 13, 0, 2))
    answered(exchange(desk, wide), request(f43=f"{'X' * 25}{'TOKYO':<13}US", f11="000126"))
    assert (desk.requests[3].merchant_name, desk.requests[3].country) == ("X" * 25, "840")


def test_local_time_where_the_zone_is_known_and_field_7_elsewhere(desk: SmallDesk) -> None:
    door = exchange(desk)
    answered(door, request(f12="000000"))
    answered(door, request(f12="000000", f19="840", f11="000124"))
    answered(door, request(f12=None, f11="000125"))
    assert [one.authorized_at - NOW for one in desk.requests] == [-1813, -1, -1]


# ------------------------------------------------------------------ private fields


PLACES = (
    Place("eci", 60, "position", start=8, length=2),
    Place("code_result", 44, "position", 1, 1, values={"M": "match", "N": "no_match"}),
    Place("initiator", 48, "tag", tag="26", values={"C101": "merchant"}),
)


def test_private_fields_are_opaque_unless_told_otherwise(desk: SmallDesk) -> None:
    fields = {"f60": "0123456705", "f44": "2N", "f48": "9203123" + "2604C101"}
    answered(exchange(desk), request(**fields))
    door = exchange(desk, dataclasses.replace(plain(), private=PLACES))
    answered(door, request(**fields, f11="000124"))
    answered(door, request(f60="0", f44="2", f48="2699C1", f11="000125"))
    told = [(one.eci, one.code_result, one.initiator) for one in desk.requests]
    assert told == [
        ("", CodeResult.ABSENT, ""),
        ("05", CodeResult.NO_MATCH, "merchant"),
        ("", CodeResult.ABSENT, ""),
    ]


# ------------------------------------------------------------------ reversals


def test_a_reversal_names_the_request(desk: SmallDesk) -> None:
    door = exchange(desk)
    answered(door, request())
    kind, fields = answered(door, reversal(), "0400")
    assert (kind, fields[39], 90 in fields) == ("0410", "00", False)
    assert desk.reversals[0].original_id == desk.requests[0].request_id
    assert desk.reversals[0].request_id != desk.requests[0].request_id
    assert desk.reversals[0].replacement_minor is None


def test_a_short_acquirer_is_padded_in_field_90_only(desk: SmallDesk) -> None:
    door = exchange(desk)
    answered(door, request(f32="476"))
    answered(door, reversal(f32="476", f90="0100" + "000123" + "0817153012" + "476".zfill(11) * 2),
             "0420")  # fmt: skip
    assert desk.reversals[0].original_id == desk.requests[0].request_id


def test_without_field_90_the_reversal_carries_the_requests_own_fields(desk: SmallDesk) -> None:
    door = exchange(desk)
    answered(door, request())
    kind, _ = answered(door, reversal(f90=None, f7="0817153012", f11="000123"), "0420")
    assert kind == "0430"
    assert desk.reversals[0].original_id == desk.requests[0].request_id


def test_a_reversal_of_what_is_not_known_is_answered_all_the_same(desk: SmallDesk) -> None:
    assert answered(exchange(desk), reversal(), "0400")[1][39] == "00"


def test_a_partial_reversal(desk: SmallDesk) -> None:
    door = exchange(desk)
    answered(door, reversal(f95="000000050000" + "0" * 30), "0400")
    answered(door, reversal(f95="0" * 42, f11="000125"), "0400")
    assert [one.replacement_minor for one in desk.reversals] == [50_000, None]
    assert answered(door, reversal(f95="X" * 42), "0400")[1][39] == "30"


# ------------------------------------------------------------------ network messages


@pytest.mark.parametrize(("code", "answer"), [("001", "00"), ("002", "00"), ("301", "00"),
                                             ("161", "40")])  # fmt: skip
def test_network_messages_are_answered_at_once(desk: SmallDesk, code: str, answer: str) -> None:
    kind, fields = answered(exchange(desk), {7: "0817150000", 11: "000001", 70: code}, "0800")
    assert (kind, fields) == ("0810", {7: "0817150000", 11: "000001", 39: answer, 70: code})


# ------------------------------------------------------------------ what is wrong


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"f2": CARD[:-1] + str((int(CARD[-1]) + 1) % 10)}, "14"),
        ({"f2": None}, "30"),
        ({"f4": None}, "30"),
        ({"f32": None}, "30"),
        ({"f49": "YEN"}, "30"),
        ({"f7": "0230120000"}, "30"),
        ({"f7": "1317250000"}, "30"),
        ({"f13": "0832"}, "30"),
        ({"f12": "250000"}, "30"),
    ],
)
def test_the_standards_answer_to_what_cannot_be(
    desk: SmallDesk, changes: dict[str, str | None], code: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, fields = answered(exchange(desk), request(**changes))
    assert fields[39] == code
    assert fields[11] == "000123"
    assert not desk.requests
    assert "field" in caplog.text
    assert CARD[6:] not in caplog.text
    assert CARD[:6] not in caplog.text


def damaged(raw: bytes, find: bytes, put: bytes) -> bytes:
    assert raw.count(find) == 1
    return raw.replace(find, put)


@pytest.mark.parametrize(
    ("find", "put", "code"),
    [
        (CARD.encode(), b"4" * 15 + b"X", "14"),
        (b"000000070000", b"00000007000X", "30"),
        (b"JPSHOP000000001", b"JPSHOP\x0000000001", "30"),
        (b"392", None, "30"),
    ],
)
def test_damaged_fields(desk: SmallDesk, find: bytes, put: bytes | None, code: str) -> None:
    raw = CODEC.encode("0100", request(f19=None))
    bad = raw[:-1] if put is None else damaged(raw, find, put)
    message = CODEC.decode(exchange(desk).answer(bad, NOW).content)
    assert (message.type, message.fields[39], message.wrong) == ("0110", code, [])
    assert message.fields[37] == "923000000123"


def test_digits_that_slipped_into_another_field_are_not_logged(
    desk: SmallDesk, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes lost before field 11 move the card number into its place."""
    caplog.set_level(logging.DEBUG)
    raw = CODEC.encode("0100", request())
    start = raw.index(CARD.encode()) - 2
    for lost in range(1, 60):
        # The card number stands where fields 3 to 37 are read, the rest of the message after it.
        exchange(desk).answer(raw[:start] + b"00" + raw[start + 2 + lost % 10 :], NOW)
        exchange(desk).answer(raw[:start] + (b"1" * lost + CARD.encode() * 4)[:160], NOW)
    assert len(caplog.records) > 50
    parts = {CARD[at : at + 6] for at in range(11)}
    assert not [part for part in parts if part in caplog.text]


def test_a_message_cut_before_its_trace_number_is_not_answered(desk: SmallDesk) -> None:
    reply = exchange(desk).answer(CODEC.encode("0100", request())[:50], NOW)
    assert (reply.content, reply.outcome) == (b"", Outcome.IGNORED)


@pytest.mark.parametrize("kind", ["0200", "0302", "0220", "0600", "0500"])
def test_requests_of_another_kind_are_not_supported(desk: SmallDesk, kind: str) -> None:
    told, fields = answered(exchange(desk), request(), kind)
    assert (told, fields[39]) == (f"{kind[:2]}{int(kind[2]) + 1}{kind[3]}", "40")


@pytest.mark.parametrize("kind", ["0110", "0130", "0410", "0810", "0210", "1100", "2100", "0109",
                                  "0180", "0140"])  # fmt: skip
def test_answers_and_other_versions_are_not_answered(desk: SmallDesk, kind: str) -> None:
    told, _ = answered(exchange(desk), request(), kind)
    assert (told, desk.requests) == (("0150" if kind == "0140" else ""), [])


def test_what_cannot_be_read_at_all_is_the_servers_affair(desk: SmallDesk) -> None:
    with pytest.raises(Unreadable):
        exchange(desk).answer(b"HELLO", NOW)


def test_a_trouble_of_our_own_is_answered_and_logged_without_the_card(
    desk: SmallDesk, caplog: pytest.LogCaptureFixture
) -> None:
    door = exchange(desk)
    door._response_code = lambda decision: str(1 / 0)
    _, fields = answered(door, request())
    assert fields[39] == "96"
    assert "ZeroDivisionError" in caplog.text
    assert CARD not in caplog.text


def test_a_day_of_rubbish_does_not_fill_the_log() -> None:
    sparing = Sparing(per_second=3)

    def told(second: float, level: int = logging.INFO) -> str | None:
        record = logging.makeLogRecord({"msg": "a line", "levelno": level, "created": second})
        return str(record.getMessage()) if sparing.filter(record) else None

    assert [told(100.0 + part / 10) for part in range(6)] == ["a line"] * 3 + [None] * 3
    assert told(100.9, logging.ERROR) == "a line (3 lines before it were left out)"
    assert [told(101.0 + part / 10) for part in range(4)] == ["a line"] * 3 + [None]
    assert told(102.0) == "a line (1 lines before it were left out)"


# ------------------------------------------------------------------ stand-in


def standing(answer: StandIn) -> DoorSettings:
    return dataclasses.replace(plain(), stand_in=StandInPolicy(answer, "91", {"392": 1_000}))


@pytest.mark.parametrize(
    ("answer", "amount", "code"),
    [
        (StandIn.DECLINE, "000000000800", "91"),
        (StandIn.APPROVE_SMALL, "000000000800", "00"),
        (StandIn.APPROVE_SMALL, "000000001001", "91"),
        (StandIn.SILENCE, "000000000800", None),
    ],
)
def test_while_nothing_can_be_written_the_operators_policy_answers(
    desk: SmallDesk, answer: StandIn, amount: str, code: str | None
) -> None:
    desk.away = True
    _, fields = answered(exchange(desk, standing(answer)), request(f4=amount))
    assert fields.get(39) == code
    assert (38 in fields) == (code == "00")
    desk.away = False
    later = exchange(desk, standing(answer))
    reply = later.answer(CODEC.encode("0100", request(f4=amount)), NOW)
    stood_in = reply.stand_in()
    assert (CODEC.decode(stood_in).fields[39] if stood_in else None) == code


def test_advices_and_reversals_are_asked_for_again(desk: SmallDesk) -> None:
    desk.away = True
    door = exchange(desk, standing(StandIn.APPROVE_SMALL))
    assert answered(door, request(f39="00"), "0120")[1][39] == "96"
    assert answered(door, reversal(), "0400")[1][39] == "96"
    assert answered(door, {7: "0817150000", 11: "000001", 70: "301"}, "0800")[1][39] == "00"


def test_a_refusal_stays_one_when_the_disk_fails(desk: SmallDesk) -> None:
    reply = exchange(desk).answer(CODEC.encode("0100", request(f49="YEN")), NOW)
    assert reply.stand_in() == reply.content
