"""The door over a real socket: what it decides, whom it lets in, how it refuses."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from invented_cards import invented_cards
from sekisho.domain.authorization import CardStatus, CodeResult
from sekisho.domain.caller import Scope
from sekisho.domain.errors import StoreFull
from web.api.serving import NOW, REFS, Made, SmallKeys, served

(CARD,) = invented_cards(np.random.default_rng(8), 1)


def purchase(**more: Any) -> dict[str, Any]:
    return {
        "request_id": "r-1",
        "pan": CARD,
        "acquirer_id": "12345678901",
        "merchant_id": "JPSHOP000000001",
        "merchant_name": "架空ガジェット",
        "terminal_id": "ECOM0001",
        "authorized_at": "2031-03-01T00:30:12+09:00",
        "amount_minor": 70_000,
        "currency": "JPY",
        "mcc": "5732",
        "processing_code": "000000",
        "entry_mode": "812",
        "eci": "07",
        "security_code_result": "match",
        "expiry_matches": True,
        "initiator": "cardholder",
        "country": "392",
    } | more


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Made, httpx.Client]]:
    made = Made()
    with served(made) as client:
        yield made, client


@pytest.fixture
def made(shared: tuple[Made, httpx.Client]) -> Made:
    made, _ = shared
    fresh = Made()
    for name in ("decided", "reversed", "labels", "cards", "exposed"):
        getattr(made.desk, name).clear()
    made.desk.breaks, made.desk.waits = None, 0
    made.keys.open, made.keys.per_second = fresh.keys.open, fresh.keys.per_second
    made.answers.given.clear()
    made.log.entries.clear()
    made.log.away = False
    made.health.without.clear()
    made.health.decides = True
    return made


@pytest.fixture
def client(shared: tuple[Made, httpx.Client], made: Made) -> httpx.Client:
    return shared[1]


def refused(answer: httpx.Response, status: int, pointer: str = "") -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body.get("pointer", "") == pointer, body
    assert CARD not in answer.text
    return body


def test_the_purchase_of_the_story_is_declined_and_asked_about(
    made: Made, client: httpx.Client
) -> None:
    answer = client.post("/v1/authorizations", json=purchase())
    assert answer.status_code == 200
    assert answer.json() == {
        "decision": "decline", "ask": True, "reasons": ["score"], "response_code": "05",
        "score": 0.07, "decision_id": "D-1", "repeated": False,
    }  # fmt: skip
    request, _ = made.desk.decided["r-1"]
    assert request.card_ref == REFS.of_text(CARD)
    assert request.authorized_at == 1_930_059_012
    assert request.received_at == int(NOW.timestamp())
    assert (request.currency, request.country, request.mcc) == ("392", "392", "5732")
    assert request.code_result is CodeResult.MATCH
    assert made.desk.waits == 1
    small = client.post("/v1/authorizations", json=purchase(request_id="r-2", amount_minor=500))
    assert small.json()["decision"] == "approve"
    assert small.json()["response_code"] == "00"


def test_a_reference_is_as_good_as_a_number(made: Made, client: httpx.Client) -> None:
    body = purchase(card_ref="9f" * 16)
    del body["pan"]
    assert client.post("/v1/authorizations", json=body).status_code == 200
    assert made.desk.decided["r-1"][0].card_ref == "9f" * 16


def test_only_what_is_needed_is_needed(made: Made, client: httpx.Client) -> None:
    body = {
        "request_id": "r-9", "card_ref": "c1", "merchant_id": "m", "amount_minor": 0,
        "authorized_at": "2031-03-01T00:30:12", "currency": 392, "acquirer_id": None, "eci": 5,
        "mcc": 742, "entry_mode": 12,
    }  # fmt: skip
    assert client.post("/v1/authorizations", json=body).status_code == 200
    request, _ = made.desk.decided["r-9"]
    assert (request.mcc, request.eci, request.entry_mode) == ("0742", "05", "012")
    assert request.authorized_at == 1_930_059_012  # Japan's time where no zone is told
    assert request.acquirer_id == ""


def test_a_repeat_gets_the_same_answer_and_another_content_none(client: httpx.Client) -> None:
    first = client.post("/v1/authorizations", json=purchase()).json()
    again = client.post("/v1/authorizations", json=purchase()).json()
    assert again == first | {"repeated": True}
    for other in ({"amount_minor": 1}, {"merchant_id": "m"}, {"eci": "05"}):
        answer = client.post("/v1/authorizations", json=purchase(**other))
        refused(answer, 409, "/request_id")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount_minor": "70000"}, "/amount_minor"),
    ({"amount_minor": 70_000.5}, "/amount_minor"),
    ({"amount_minor": -1}, "/amount_minor"),
    ({"amount_minor": 10**16}, "/amount_minor"),
    ({"amount_minor": None}, "/amount_minor"),
    ({"currency": "YEN"}, "/currency"),
    ({"currency": ""}, "/currency"),
    ({"country": "Japan"}, "/country"),
    ({"authorized_at": "2031-02-30T00:00:00Z"}, "/authorized_at"),
    ({"authorized_at": "20310301"}, "/authorized_at"),
    ({"authorized_at": 1_930_059_012}, "/authorized_at"),
    ({"authorized_at": "1931-03-01T00:00:00Z"}, "/authorized_at"),
    ({"authorized_at": "0001-01-01T00:00:00"}, "/authorized_at"),
    ({"authorized_at": "9999-12-31T23:59:59"}, "/authorized_at"),
    ({"pan": CARD[:-1]}, "/pan"),
    ({"pan": 4}, "/pan"),
    ({"card_ref": "c1"}, "/card_ref"),
    ({"pan": None}, "/card_ref"),
    ({"pan": None, "card_ref": CARD}, "/card_ref"),
    ({"request_id": ""}, "/request_id"),
    ({"request_id": "a b"}, "/request_id"),
    ({"request_id": "r" * 101}, "/request_id"),
    ({"merchant_id": ""}, "/merchant_id"),
    ({"merchant_name": "a\0b"}, "/merchant_name"),
    ({"expiry_matches": "yes"}, "/expiry_matches"),
    ({"mcc": "5" * 21}, "/mcc"),
    ({"mcc": -5}, "/mcc"),
    ({"amonut_minor": 5}, "/amonut_minor"),
    ({CARD: "x"}, "/******"),
]


@pytest.mark.parametrize(("wrong", "pointer"), WRONG, ids=[repr(sorted(w))[:40] for w, _ in WRONG])
def test_what_cannot_be_used_is_named(
    made: Made, client: httpx.Client, wrong: dict[str, Any], pointer: str
) -> None:
    body = {key: value for key, value in purchase(**wrong).items() if value is not None}
    if wrong == {"amount_minor": None}:
        body["amount_minor"] = None
    found = refused(client.post("/v1/authorizations", json=body), 422, pointer)
    assert found["detail"]
    assert found["what_to_do"]
    assert not made.desk.decided


@pytest.mark.parametrize(
    "name", ["security_code", "cvv", "CVC2", "cid", "csc", "card_verification_value", "cvn"]
)
def test_a_security_code_is_refused_and_its_result_asked_for(
    made: Made, client: httpx.Client, name: str
) -> None:
    answer = client.post("/v1/authorizations", json=purchase(**{name: "737"}))
    refused(answer, 422, "/security_code_result")
    assert "737" not in answer.text
    assert not made.desk.decided


@pytest.mark.parametrize("value", ["737", "1234", 737])
def test_a_security_code_in_place_of_its_result_is_not_repeated(
    client: httpx.Client, value: object
) -> None:
    answer = client.post("/v1/authorizations", json=purchase(security_code_result=value))
    refused(answer, 422, "/security_code_result")
    assert str(value) not in answer.text


@pytest.mark.parametrize("name", ["track2", "pin_block", "magstripe"])
def test_track_data_and_pins_are_refused(client: httpx.Client, name: str) -> None:
    assert (
        "never"
        in refused(client.post("/v1/authorizations", json=purchase(**{name: "x"})), 422)["detail"]
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"\xff\xfe{}", 400), (b"[]", 422), (b"null", 422), (b"7", 422),
        (b'"\xff"', 422), (b'{"request_id": NaN}', 400), (b"{}", 422),
        (b"[" * 5_000, 422), (b'{"a":' * 9_000, 422), (b'{"request_id": "\\ud800"}', 400),
    ],
)  # fmt: skip
def test_what_is_no_json_is_said_to_be_none(client: httpx.Client, body: bytes, status: int) -> None:
    answer = client.post(
        "/v1/authorizations", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]
    assert answer.status_code == status


def test_bodies_have_a_size_and_a_type(client: httpx.Client) -> None:
    large = client.post("/v1/authorizations", json=purchase(merchant_name="x" * 70_000))
    refused(large, 413)
    chunks = (b" " * 10_000 for _ in range(10))
    typed = {"content-type": "application/json"}
    refused(client.post("/v1/authorizations", content=chunks, headers=typed), 413)
    form = client.post("/v1/authorizations", data={"a": "b"})
    refused(form, 415)


def test_every_route_has_its_scope(made: Made, client: httpx.Client) -> None:
    routes = [
        ("POST", "/v1/authorizations", Scope.AUTHORIZE),
        ("POST", "/v1/reversals", Scope.AUTHORIZE),
        ("POST", "/v1/fraud-reports", Scope.REPORT),
        ("POST", "/v1/answers", Scope.ANSWER),
        ("GET", "/v1/cards/c1", Scope.READ),
        ("POST", "/v1/cards/c1/stop", Scope.CARDS),
        ("POST", "/v1/cards/c1/open", Scope.CARDS),
        ("GET", "/metrics", Scope.READ),
    ]
    for method, path, scope in routes:
        for key in Scope:
            headers = {"authorization": f"Bearer {key}"}
            status = client.request(method, path, headers=headers).status_code
            assert (status == 403) == (key is not scope), (path, key)
        for wrong in ("Bearer nobody", "Basic YTpi", "Bearer", "Bearer ü".encode("latin-1")):
            answer = client.request(method, path, headers={"authorization": wrong})
            refused(answer, 401)
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert not made.desk.decided


def test_without_a_key_only_this_machine_and_no_web_page_in_it(
    made: Made, client: httpx.Client
) -> None:
    del client.headers["authorization"]
    try:
        refused(client.post("/v1/authorizations", json=purchase()), 401)
        made.keys.open = True
        assert client.post("/v1/authorizations", json=purchase()).status_code == 200
        page = {"origin": "http://elsewhere.example"}
        refused(client.post("/v1/authorizations", json=purchase(), headers=page), 401)
    finally:
        client.headers["authorization"] = "Bearer sekisho_all"


def test_a_key_has_its_rate(made: Made, client: httpx.Client) -> None:
    made.keys.per_second = 1
    answers = [client.get("/v1/cards/c1").status_code for _ in range(30)]
    assert 429 in answers
    assert answers[0] == 404
    assert client.get("/healthz").status_code == 200


def test_wrong_ways_are_told(client: httpx.Client) -> None:
    refused(client.get("/v1/authorizations"), 405)
    refused(client.post("/healthz"), 405)
    refused(client.get("/v1/elsewhere"), 404)
    refused(client.get("/v1/cards/a%00b"), 404)
    refused(client.get("/v1/cards/unknown"), 404)
    refused(client.get(f"/v1/cards/{CARD}"), 422, "/card_ref")


def test_the_doors_own_pages(made: Made, client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"ready": True, "missing": []}
    made.health.without.append("the state store is away")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert answer.json()["missing"] == ["the state store is away"]
    made.health.decides = False
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    client.post("/v1/authorizations", json=purchase())
    figures = client.get("/metrics")
    assert figures.headers["content-type"].startswith("text/plain")
    assert 'sekisho_decisions_total{decision="decline",reason="score"}' in figures.text
    assert 'sekisho_http_requests_total{route="/v1/authorizations",status="200"}' in figures.text
    assert "sekisho_ready 0.0" in figures.text
    assert "sekisho_missing 1.0" in figures.text
    assert CARD not in figures.text


def test_reversals(made: Made, client: httpx.Client) -> None:
    client.post("/v1/authorizations", json=purchase())
    body = {"request_id": "v-1", "original_request_id": "r-1", "pan": CARD}
    assert client.post("/v1/reversals", json=body).json() == {"known": True}
    part = {
        "request_id": "v-2",
        "original_request_id": "r-0",
        "card_ref": "c",
        "replacement_minor": 9,
    }
    assert client.post("/v1/reversals", json=part).json() == {"known": False}
    assert made.desk.reversed["v-2"].replacement_minor == 9
    refused(client.post("/v1/reversals", json=body | {"replacement_minor": -1}), 422,
            "/replacement_minor")  # fmt: skip


def test_fraud_reports(made: Made, client: httpx.Client) -> None:
    for number, amount in enumerate((70_000, 800, 800), start=1):
        client.post(
            "/v1/authorizations", json=purchase(request_id=f"r-{number}", amount_minor=amount)
        )
    when = purchase()["authorized_at"]
    reports = [
        {"report_id": "f-1", "decision_id": "D-1", "fraud_type": "card_not_present"},
        {"report_id": "f-2", "pan": CARD, "authorized_at": when, "amount_minor": 70_000},
        {"report_id": "f-3", "pan": CARD, "authorized_at": when, "amount_minor": 800},
        {"report_id": "f-4", "decision_id": "D-9", "fraud": False},
        {"report_id": "f-5", "card_ref": "c9", "authorized_at": when},
    ]
    answer = client.post("/v1/fraud-reports", json={"reports": reports})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["learned"], told["not_found"], told["ambiguous"]) == (2, 2, 1)
    outcomes = [one["outcome"] for one in told["reports"]]
    assert outcomes == ["learned", "learned", "ambiguous", "not_found", "not_found"]
    assert told["reports"][2]["candidates"] == ["D-2", "D-3"]
    assert set(made.desk.labels) == {"report:f-1", "report:f-2"}
    assert client.post("/v1/fraud-reports", json={"reports": reports}).json() == told
    assert len(made.desk.labels) == 2


def test_one_wrong_report_and_none_is_learned(made: Made, client: httpx.Client) -> None:
    client.post("/v1/authorizations", json=purchase())
    good = {"report_id": "f-1", "decision_id": "D-1"}
    for bad, pointer in (
        ({"report_id": "f-2"}, "/reports/1/decision_id"),
        ({"report_id": "f-2", "authorized_at": "2031-03-01T00:00:00Z"}, "/reports/1/card_ref"),
        (
            {"report_id": "f-2", "decision_id": "D-1", "reported_at": "soon"},
            "/reports/1/reported_at",
        ),
        ({"report_id": "f-2", "decision_id": "D-1", "cvv": "1"}, "/reports/1/security_code_result"),
    ):
        refused(client.post("/v1/fraud-reports", json={"reports": [good, bad]}), 422, pointer)
    refused(client.post("/v1/fraud-reports", json={"reports": []}), 422, "/reports")
    assert not made.desk.labels


def test_answers(made: Made, client: httpx.Client) -> None:
    body = {"case_id": "C-1", "answer": "not_mine", "answer_id": "a-1", "answered_by": "架空 花子"}
    for _ in range(2):
        assert client.post("/v1/answers", json=body).json() == {
            "case_id": "C-1", "counted": "first", "state": "closed", "closed_as": "not_mine",
            "effects": ["block_card", "label_fraud"], "more": [],
        }  # fmt: skip
    refused(client.post("/v1/answers", json=body | {"answer": "mine"}), 409)
    refused(client.post("/v1/answers", json=body | {"answer": "perhaps"}), 422, "/answer")
    refused(client.post("/v1/answers", json=body | {"way": "link"}), 422, "/way")
    refused(client.post("/v1/answers", json=body | {"case_id": "C-9", "answer_id": "b"}), 422)
    unsure = client.post("/v1/answers", json=body | {"answer": "unsure", "answer_id": "a-2"})
    assert unsure.json()["more"][0]["authorized_at"] == "2031-02-28T15:30:12Z"
    given = made.answers.given["api:all:a-1"]
    assert (given.who, given.note, given.way) == ("system:api-all", "架空 花子", "app")


def test_cards_are_stopped_at_once_and_opened_with_a_record(
    made: Made, client: httpx.Client
) -> None:
    change = {"change_id": "k-1", "person": "s-07", "reason": "the holder called"}
    client.post("/v1/authorizations", json=purchase(amount_minor=5))
    ref = REFS.of_text(CARD)
    assert client.get(f"/v1/cards/{ref}").json() == {"card_ref": ref, "status": "open"}
    made.log.away = True
    stopped = client.post(f"/v1/cards/{ref}/stop", json=change).json()
    assert stopped == {"card_ref": ref, "status": "stopped", "logged": False}
    small = purchase(request_id="r-2", amount_minor=5)
    assert client.post("/v1/authorizations", json=small).json()["reasons"] == ["card_stopped"]
    refused(client.post(f"/v1/cards/{ref}/open", json=change), 503)
    assert made.desk.status(str(ref)) is CardStatus.STOPPED
    made.log.away = False
    assert client.post(f"/v1/cards/{ref}/open", json=change).json()["status"] == "open"
    actor, action, subject, details = made.log.entries[-1]
    assert (actor, action, subject) == ("system:api-all", "card.open", f"card:{ref}")
    assert details["person"] == "s-07"
    made.desk.cards[str(ref)] = CardStatus.BLOCKED
    refused(client.post(f"/v1/cards/{ref}/open", json=change), 409)
    assert client.post(f"/v1/cards/{ref}/stop", json=change).json()["status"] == "blocked"


def test_a_trouble_of_one_request_is_told_without_its_values(
    made: Made, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    made.desk.breaks = RuntimeError(f"a row with {CARD}")
    assert "unexpected" not in refused(client.post("/v1/authorizations", json=purchase()), 500)
    assert "unexpected RuntimeError" in caplog.text
    made.desk.breaks = StoreFull("no room", hint="Make room")
    answer = client.post("/v1/authorizations", json=purchase())
    assert refused(answer, 503)["what_to_do"] == "Make room"
    assert answer.headers["retry-after"] == "1"
    made.desk.breaks = None
    assert client.post("/v1/authorizations", json=purchase()).status_code == 200
    assert CARD not in caplog.text


def exchange(made: Made, sent: bytes) -> bytes:
    """What the server says to raw bytes before it hangs up."""
    with socket.create_connection(made.address, timeout=60) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: raw.recv(65536), b""))


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"POST /v1/authorizations HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_http_is_hung_up_on(made: Made, client: httpx.Client, sent: bytes) -> None:
    assert exchange(made, sent).startswith(b"HTTP/1.1 400")
    assert client.get("/healthz").status_code == 200


def test_keys_of_nobody_are_json_too() -> None:
    made = Made(keys=SmallKeys(open=True))
    with served(made) as client:
        body = json.dumps(purchase()).encode()
        request = b"POST /v1/authorizations HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert b"decision_id" in exchange(made, request + body)
        assert client.get("/healthz").status_code == 200
