"""``findings.json``: the documented shape, no number that is not one, the same bytes each time."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sekisho.domain.finding import SuspectKind, Trace
from sekisho.web.report import findings_document, findings_json
from web import samples

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "findings.schema.json").read_text(encoding="utf-8"))

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def is_type(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    return isinstance(value, TYPES[name])


def errors(value: Any, schema: dict[str, Any], at: str = "$") -> Iterator[str]:
    """Check the keywords that our schema uses; an unknown keyword is an error of the schema."""
    known = {"$schema", "$defs", "title", "$ref", "const", "enum", "type", "required"}
    known |= {"properties", "items", "pattern", "minimum", "maximum", "exclusiveMinimum"}
    known |= {"anyOf", "allOf", "additionalProperties"}
    assert set(schema) <= known, set(schema) - known
    if "$ref" in schema:
        yield from errors(value, SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], at)
    for part in schema.get("allOf", ()):
        yield from errors(value, part, at)
    if "anyOf" in schema and all(list(errors(value, part, at)) for part in schema["anyOf"]):
        yield f"{at}: fits no alternative"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not one of {schema['enum']}"
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(is_type(value, name) for name in names):
        yield f"{at}: not {names}"
        return
    yield from range_errors(value, schema, at)
    if isinstance(value, dict):
        yield from object_errors(value, schema, at)
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from errors(item, schema.get("items", {}), f"{at}[{i}]")


def range_errors(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{at}: does not match {schema['pattern']}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", -math.inf) or value > schema.get("maximum", math.inf):
            yield f"{at}: out of range"
        if value <= schema.get("exclusiveMinimum", -math.inf):
            yield f"{at}: too small"


def object_errors(value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
    for key in schema.get("required", ()):
        if key not in value:
            yield f"{at}: {key} is missing"
    properties = schema.get("properties", {})
    for key, item in value.items():
        part = properties.get(key, schema.get("additionalProperties", {}))
        yield from errors(item, part, f"{at}.{key}")


def keys(value: Any, *, inside: str = "") -> Iterator[str]:
    """Every key of the document; the free keys inside figures and reasons are not ours."""
    if isinstance(value, dict):
        for key, item in value.items():
            if inside not in {"figures", "excluded_fraud"}:
                yield key
            yield from keys(item, inside=key)
    if isinstance(value, list):
        for item in value:
            yield from keys(item)


ALL: dict[str, Trace] = {
    "full": samples.full_trace(),
    "calm": samples.calm_trace(),
    "many": samples.many_trace(5),
}


@pytest.mark.parametrize("name", ALL)
def test_fits_the_schema_and_the_schema_knows_every_key(name: str) -> None:
    document = findings_document(ALL[name])
    assert list(errors(document, SCHEMA)) == []
    text = json.dumps(SCHEMA)
    assert [key for key in keys(document) if f'"{key}"' not in text] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "sekisho.findings/2"),
        (("as_of",), "31.3.2026"),
        (("cases",), -1),
        (("findings", 0, "p_value"), 0),
        (("findings", 0, "window_ongoing"), 1),
        (("findings", 0, "misuse_period"), "all"),
        (("suspects", 0, "kind"), "odd"),
        (("inputs", 0, "sha256"), "abc"),
    ],
)
def test_the_check_against_the_schema_can_fail(path: tuple[str | int, ...], value: object) -> None:
    document: Any = findings_document(samples.full_trace())
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert list(errors(document, SCHEMA))


def test_every_key_is_in_the_reference_page() -> None:
    page = (REFERENCE / "findings.md").read_text(encoding="utf-8")
    missing = {
        key for key in keys(findings_document(samples.full_trace())) if f"`{key}`" not in page
    }
    assert missing == set()


def test_carries_the_numbers_of_the_trace() -> None:
    trace = samples.full_trace()
    document = findings_document(trace)
    finding, given = document["findings"][1], trace.findings[1]
    assert finding["entity_id"] == given.entity_id
    assert finding["window_start"] == "2023-04-01"
    assert finding["window_start_interval"]["upper"] == "2023-04-20"
    assert [member["cards_exposed"] for member in finding["members"]] == [3120, 2204, 940, 388]
    assert given.visits_curve is not None
    assert finding["visits_curve"]["observed"] == list(given.visits_curve.observed)
    assert "kind" not in finding
    assert [suspect["kind"] for suspect in document["suspects"]] == [
        "explained",
        "use_or_test",
        "weak",
        "weak",
    ]


def test_no_probability_is_zero() -> None:
    trace = replace(samples.full_trace(), findings=(replace(samples.online_shop(), p_value=0.0),))
    finding = findings_document(trace)["findings"][0]
    assert finding["p_value"] == 1e-300
    assert finding["p_value_floored"] is True
    exact = findings_document(samples.full_trace())["findings"][0]
    assert (exact["p_value"], exact["p_value_floored"]) == (3.1e-178, False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    bad = replace(samples.online_shop(), log_likelihood_ratio=value)
    with pytest.raises(ValueError, match="JSON"):
        findings_document(replace(samples.full_trace(), findings=(bad,)))


def test_a_suspect_without_a_kind_is_refused() -> None:
    bad = replace(samples.SUSPECTS[0], kind=None)
    with pytest.raises(ValueError, match="no kind"):
        findings_document(replace(samples.full_trace(), suspects=(bad,)))
    assert samples.SUSPECTS[0].kind is SuspectKind.EXPLAINED


def test_the_text_is_the_same_each_time_and_begins_with_the_schema() -> None:
    text = findings_json(samples.full_trace())
    assert text == findings_json(samples.full_trace())
    assert text.startswith('{\n  "schema": "sekisho.findings/1",\n  "as_of": "2026-03-31",')
    assert json.loads(text) == findings_document(samples.full_trace())
    assert "ひなた化粧品オンライン" in text


def test_numbers_of_numpy_are_plain_numbers() -> None:
    trace = replace(samples.full_trace(), cases=np.int64(7))  # type: ignore[arg-type]
    assert findings_document(trace)["cases"] == 7
