"""What DESIGN promises about card numbers, held against the whole source and what runs leave."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import logging
import pkgutil
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import sekisho.vault
from invented_cards import complete
from sekisho.vault import pan as pan_module
from sekisho.vault.pan import Pan, parse

# What hands clear digits over. Outside the vault nobody has a use for it: doors turn a number into
# a reference with CardRefs.of_text, and people see masks.
CLEAR_NAMES = {"Pan", "Parsed", "parse", "DataKey"}
CLEAR_CALLS = {"open_numbers"}
CARD = complete("411111" + "234567890")


def clear_uses(source: str) -> Iterator[str]:
    """Names and calls in ``source`` through which clear digits could be had."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sekisho.vault"):
            yield from (alias.name for alias in node.names if alias.name in CLEAR_NAMES)
        elif isinstance(node, ast.Attribute):
            yield from {node.attr} & (CLEAR_CALLS | CLEAR_NAMES - {"parse"})


def test_only_the_vault_handles_clear_numbers(root: Path) -> None:
    package = root / "src" / "sekisho"
    found = {
        path.relative_to(package).as_posix(): uses
        for path in package.rglob("*.py")
        if not path.is_relative_to(package / "vault")
        and (uses := sorted(set(clear_uses(path.read_text(encoding="utf-8")))))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "from sekisho.vault.pan import Pan",
        "from sekisho.vault.pan import mask, parse as read",
        "from sekisho.vault import pan\npan.Pan('x')",
        "vault.open_numbers(refs, ring)",
    ],
)
def test_a_use_outside_is_seen(source: str) -> None:
    assert list(clear_uses(source))


def dataclasses_of_the_product() -> Iterator[type]:
    for module in pkgutil.walk_packages(sekisho.__path__, "sekisho."):
        if module.name.endswith("__main__"):
            continue
        for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if dataclasses.is_dataclass(member) and member.__module__ == module.name:
                yield member


def test_no_type_outside_the_vault_has_a_field_for_a_number_or_a_code() -> None:
    """Intake turns a code into match, no match or absent; no object has room for one."""
    wrong = [
        f"{kind.__module__}.{kind.__name__}.{field.name}"
        for kind in dataclasses_of_the_product()
        for field in dataclasses.fields(kind)
        if field.name in {"cvv", "cvc", "security_code", "card_number", "track_data", "pin_block"}
        or (
            not kind.__module__.startswith("sekisho.vault")
            and ("Pan" in str(field.type).replace("PanHash", "") or field.name == "clear_pan")
            and "Panel" not in str(field.type)
        )
    ]
    assert wrong == []


def test_objects_of_the_vault_do_not_show_what_they_hold() -> None:
    pan, parsed = Pan(CARD), parse(CARD)
    shown = [
        repr(pan), str(pan), f"{pan!s:>30}", repr(parsed), repr([pan]), repr({"pan": pan}),
        "".join(traceback.format_exception_only(ValueError(pan))),
        logging.makeLogRecord({"msg": "%s %r", "args": (pan, parsed)}).getMessage(),
    ]  # fmt: skip
    assert not [text for text in shown if CARD in text or CARD[6:12] in text]


def test_every_error_of_the_number_module_is_free_of_the_number() -> None:
    wrong = CARD[:-1] + str((int(CARD[-1]) + 1) % 10)
    for value in (wrong, CARD + "x", CARD * 2):
        with pytest.raises(ValueError, match=r".") as caught:
            Pan(value)
        text = "".join(traceback.format_exception(caught.value))
        assert not [part for part in (value, CARD, wrong, CARD[6:12]) if part in text]


def test_masks_live_in_one_place(root: Path) -> None:
    """Who masks asks the vault: a second mask would fail open one day."""
    package = root / "src" / "sekisho"
    own = [
        f"{path.relative_to(package)}: {node.name}"
        for path in package.rglob("*.py")
        if not path.is_relative_to(package / "vault")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.name.strip("_") in {"mask", "mask_pan", "mask_card", "masked_pan", "redact"}
    ]
    assert own == []
    for name in ("mask", "mask_embedded", "redact"):
        assert callable(getattr(pan_module, name))
