"""The OpenAPI document is kept: no answer that it does not name, and never a 500."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sekisho.web.api.openapi import document
from sekisho.web.api.table import ROUTES
from web.api.serving import ALL, Made, served
from web.api.test_door import purchase

DOCUMENT = json.loads(document(ROUTES))
OPERATIONS = [(path, method) for path, ways in DOCUMENT["paths"].items() for method in ways]
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip
QUICK = settings(
    max_examples=25,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with served(Made()) as found:
        yield found


RIGHT, WRONG = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
# Nothing can be wrong with a request that takes nothing.
TRIED = [(*one, RIGHT) for one in OPERATIONS] + [
    (path, method, WRONG) for path, method in OPERATIONS if method == "post" or "{" in path
]


@pytest.mark.parametrize(("path", "method", "mode"), TRIED)
def test_the_document_is_kept(
    client: httpx.Client, path: str, method: str, mode: schemathesis.GenerationMode
) -> None:
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    operation = schema[path][method.upper()]
    tried: set[int] = set()

    @QUICK
    @given(data=st.data())
    def run(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        answer = case.call(
            base_url=str(client.base_url), headers={"authorization": f"Bearer {ALL}"}
        )
        case.validate_response(answer, checks=CHECKS)
        tried.add(answer.status_code)

    run()
    assert tried


def test_the_document_is_served_and_names_what_is_relied_on(client: httpx.Client) -> None:
    assert client.get("/v1/openapi.json", headers={"authorization": ""}).json() == DOCUMENT
    fields = DOCUMENT["components"]["schemas"]["AuthorizationBody"]["properties"]
    assert list(fields) == [
        "request_id", "merchant_id", "authorized_at", "amount_minor", "currency", "pan", "card_ref",
        "acquirer_id", "merchant_name", "terminal_id", "mcc", "processing_code", "entry_mode",
        "eci", "security_code_result", "expiry_matches", "initiator", "country",
    ]  # fmt: skip
    assert set(fields) == set(purchase(card_ref="c"))
    answered = DOCUMENT["components"]["schemas"]["DecisionBody"]["properties"]
    assert {"decision", "ask", "reasons", "response_code", "score", "decision_id"} <= set(answered)


BYTES = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from([*purchase(), "reports", "x"]), inner, max_size=6)
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
)
CHANGES = st.dictionaries(
    st.sampled_from(sorted(purchase())),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.lists(st.integers(), max_size=3),
    max_size=4,
)


@pytest.mark.parametrize(
    "path", [path for path, method in OPERATIONS if method == "post" and "{" not in path]
)
def test_whatever_bytes_come_there_is_an_answer(client: httpx.Client, path: str) -> None:
    @settings(QUICK, max_examples=100)
    @given(body=BYTES | CHANGES.map(lambda some: json.dumps(purchase() | some).encode()))
    def run(body: bytes) -> None:
        answer = client.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (200, 400, 401, 404, 409, 422), (
            answer.status_code,
            answer.text,
        )

    run()
