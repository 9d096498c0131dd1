"""Currencies and countries by letters or number (ISO 4217, ISO 3166-1): dated data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Codes:
    """What a code in letters or digits stands for.

    ``currencies``, ``countries``: letters (two or three, upper case) and three digits, each to the
    three digits. ``decimals``: of a currency, by its three digits.
    """

    currencies: Mapping[str, str]
    countries: Mapping[str, str]
    decimals: Mapping[str, int]


@cache
def codes() -> Codes:
    """The newest table."""
    folder = resources.files("sekisho.rulebook") / "data" / "codes"
    newest = max(
        (one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name
    )
    table = tomllib.loads(newest.read_text(encoding="utf-8"))
    currencies: dict[str, str] = {}
    decimals: dict[str, int] = {}
    for letters, one in table["currencies"].items():
        currencies[letters] = currencies[one["number"]] = one["number"]
        decimals[one["number"]] = one["decimals"]
    countries: dict[str, str] = {}
    for two, one in table["countries"].items():
        countries[two] = countries[one["letters"]] = countries[one["number"]] = one["number"]
    return Codes(currencies, countries, decimals)
