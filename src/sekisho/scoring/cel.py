"""Rules in CEL (the Common Expression Language), checked and turned into one line of Python.

The part of the language that a rule over numbers needs: names of features, ``score``, numbers,
``true`` and ``false``, ``+ - * /``, comparisons, ``in [...]``, ``! && ||``, ``? :``. Types are
those of CEL: a feature is a double, and a double is only added to a double (write ``2.0``, not
``2``); comparing may mix. ``card``, ``merchant`` and ``country`` are texts that can be looked up:
``merchant in list("trusted")``; ``list`` is a function that the policy provides. What this accepts,
any CEL implementation accepts with the same meaning (a test runs both). Reference: the language
definition of the project cel-spec.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sekisho.domain.errors import BadInput

LONGEST: Final = 2_000
DEEPEST: Final = 40
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+))"
    r"|(?P<text>\"[^\"\\\n]*\"|'[^'\\\n]*')|(?P<name>[A-Za-z_]\w*)|(?P<sign>&&|\|\||[<>=!]=|[-+*/<>!?:()\[\],]))"
)
_BINARY: Final = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3, "in": 3,
    "+": 4, "-": 4, "*": 5, "/": 5,
}  # fmt: skip
_SPELLED: Final = {"||": "or", "&&": "and"}
BOOL, INT, DOUBLE = "bool", "int", "double"
NUMBERS: Final = (INT, DOUBLE)
SUBJECTS: Final = ("card", "merchant", "country")
"""What lists are of; in a rule, texts that are only looked up in a list."""


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a rule: its type, and the Python that says the same."""

    kind: str
    python: str


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a rule and where it begins, counted from 1."""

    text: str
    kind: str
    at: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A list that rules may name: what it is of, and the Python that says whether it holds it."""

    of: str
    python: str


def translate(
    rule: str, names: Mapping[str, str], lists: Mapping[str, Listed] | None = None
) -> str:
    """The rule as a Python expression of type bool; ``names`` says the Python of each name.

    BadInput where the rule cannot be read, uses a name that is not there, or mixes types; the
    message says at which character.
    """
    if len(rule) > LONGEST:
        raise BadInput(f"a rule of {len(rule)} characters is too long.", hint="Split it.")
    reader = _Reader(_tokens(rule), names, lists or {})
    told = reader.ternary(0)
    reader.expect_end()
    if told.kind != BOOL:
        raise BadInput(f"the rule is a {told.kind}, not true or false.", hint="Compare it.")
    return told.python


def _tokens(rule: str) -> list[Token]:
    told, at = [], 0
    rule = rule.rstrip()
    while at < len(rule):
        found = _TOKEN.match(rule, at)
        if found is None:
            start = at + len(rule[at:]) - len(rule[at:].lstrip())
            raise BadInput(
                f"character {start + 1}: {rule[start]!r} means nothing here.",
                hint="docs/reference/rules.md lists what a rule may contain.",
            )
        kind = str(found.lastgroup)
        told.append(Token(found.group(kind), kind, found.start(kind) + 1))
        at = found.end()
    return [*told, Token("", "end", len(rule) + 1)]


class _Reader:
    """Reads by precedence climbing; every method returns what it read, checked."""

    def __init__(
        self, tokens: list[Token], names: Mapping[str, str], lists: Mapping[str, Listed]
    ) -> None:
        self._tokens = tokens
        self._names = names
        self._lists = lists
        self._next = 0

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._peek()
        self._next += token.kind != "end"
        return token

    def _expect(self, text: str) -> None:
        token = self._take()
        if token.text != text:
            shown = repr(token.text) if token.text else "the end"
            raise BadInput(f"character {token.at}: {shown} where {text!r} is wanted.")

    def expect_end(self) -> None:
        token = self._peek()
        if token.kind != "end":
            raise BadInput(
                f"character {token.at}: {token.text!r} after the end of the rule.",
                hint="Join parts with && or ||; comparisons do not chain.",
            )

    def ternary(self, depth: int) -> Text:
        if depth > DEEPEST:
            raise BadInput("the rule is nested too deeply.", hint="Split it.")
        condition = self._binary(1, depth)
        if self._peek().text != "?":
            return condition
        at = self._take().at
        yes = self.ternary(depth + 1)
        self._expect(":")
        no = self.ternary(depth + 1)
        _want(condition.kind == BOOL, at, "the part before ? is not true or false")
        _want(yes.kind == no.kind, at, f"? gives a {yes.kind} or a {no.kind}")
        return Text(yes.kind, f"({yes.python} if {condition.python} else {no.python})")

    def _binary(self, lowest: int, depth: int) -> Text:
        left = self._unary(depth)
        while (token := self._peek()).text in _BINARY and _BINARY[token.text] >= lowest:
            self._take()
            if token.text == "in":
                left = self._membership(left, token.at, depth)
                continue
            right = self._binary(_BINARY[token.text] + 1, depth)
            left = _joined(token, left, right)
        return left

    def _membership(self, left: Text, at: int, depth: int) -> Text:
        if self._peek().text == "list":
            return self._in_list(left)
        _want(left.kind not in SUBJECTS, at, f'{left.kind} is looked up in list("NAME")')
        self._expect("[")
        members = []
        while self._peek().text != "]":
            members.append(self.ternary(depth + 1))
            if self._peek().text != "]":
                self._expect(",")
        self._expect("]")
        numbers = all(member.kind in NUMBERS for member in (left, *members))
        _want(numbers, at, "in compares numbers")
        told = " or ".join(f"{left.python} == {member.python}" for member in members)
        return Text(BOOL, f"({told or 'False'})")

    def _in_list(self, left: Text) -> Text:
        """``list("NAME")`` after ``in``."""
        at = self._take().at
        self._expect("(")
        named = self._take()
        if named.kind != "text":
            raise BadInput(f"character {named.at}: the list's name is wanted in quotes.")
        self._expect(")")
        found = self._lists.get(named.text[1:-1])
        if found is None:
            near = difflib.get_close_matches(named.text[1:-1], self._lists, 1)
            raise BadInput(
                f"character {named.at}: there is no list {named.text}.",
                hint=f"Did you mean {near[0]}?" if near else "Write it into the policy: [[lists]].",
            )
        _want(left.kind == found.of, at, f"{named.text} is a list of {found.of}, not {left.kind}")
        return Text(BOOL, f"({found.python})")

    def _unary(self, depth: int) -> Text:
        if depth > DEEPEST:
            raise BadInput("the rule is nested too deeply.", hint="Split it.")
        token = self._peek()
        if token.text == "!":
            self._take()
            inner = self._unary(depth + 1)
            _want(inner.kind == BOOL, token.at, f"! before a {inner.kind}")
            return Text(BOOL, f"(not {inner.python})")
        if token.text == "-":
            self._take()
            inner = self._unary(depth + 1)
            _want(inner.kind in NUMBERS, token.at, f"- before a {inner.kind}")
            return Text(inner.kind, f"(-{inner.python})")
        return self._primary(depth)

    def _primary(self, depth: int) -> Text:
        token = self._take()
        if token.text == "(":
            inner = self.ternary(depth + 1)
            self._expect(")")
            return Text(inner.kind, f"({inner.python})")
        if token.kind == "number":
            return _literal(token)
        if token.kind == "name":
            return self._name(token)
        shown = repr(token.text) if token.text else "the end"
        raise BadInput(f"character {token.at}: {shown} where a value is wanted.")

    def _name(self, token: Token) -> Text:
        if token.text in ("true", "false"):
            return Text(BOOL, token.text.capitalize())
        if token.text in SUBJECTS and token.text not in self._names:
            return Text(token.text, "None")
        if token.text not in self._names:
            near = difflib.get_close_matches(token.text, self._names, 1)
            raise BadInput(
                f"character {token.at}: there is no feature {token.text!r}.",
                hint=f"Did you mean {near[0]}?" if near else "docs/reference/features.md has all.",
            )
        return Text(DOUBLE, self._names[token.text])


def _literal(token: Token) -> Text:
    if token.text.isdecimal():
        _want(int(token.text) < 2**63, token.at, "the number is too large")
        return Text(INT, str(int(token.text)))
    return Text(DOUBLE, repr(float(token.text)))


def _want(holds: bool, at: int, trouble: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise BadInput(f"character {at}: {trouble}.", hint="Features are doubles: write 2.0.")


def _joined(token: Token, left: Text, right: Text) -> Text:
    told = f"({left.python} {_SPELLED.get(token.text, token.text)} {right.python})"
    both = {left.kind, right.kind}
    if token.text in _SPELLED:
        _want(both == {BOOL}, token.at, f"{token.text} joins {left.kind} and {right.kind}")
        return Text(BOOL, told)
    if _BINARY[token.text] == 3:
        numbers = left.kind in NUMBERS and right.kind in NUMBERS
        ordered = numbers or (token.text in ("==", "!=") and both == {BOOL})
        _want(ordered, token.at, f"{token.text} compares {left.kind} and {right.kind}")
        return Text(BOOL, told)
    _want(both == {DOUBLE}, token.at, f"{token.text} joins {left.kind} and {right.kind}")
    return Text(DOUBLE, told)
