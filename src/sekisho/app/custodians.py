"""The two custodians at the screen: their components, their passphrases, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import typer

from sekisho.app.key_texts import Say
from sekisho.domain.errors import BadInput
from sekisho.vault import secret_files
from sekisho.vault.custody import (
    Component,
    Entropy,
    Seal,
    check_passphrase,
    join,
    read_component,
    seal_id_in,
    seal_id_of,
    split,
    write_component,
)

_TRIES = 3
_SHORTEST_LINE = 1


class Custodians:
    """Opens sealed key files with the components that were given.

    Components may belong to several seals (a card key's and a number key's); each seal is put
    together once, when a file first needs it.
    """

    def __init__(
        self, components: Sequence[Path], passphrases: Sequence[Path], say: Say | None = None
    ) -> None:
        if passphrases and len(passphrases) != len(components):
            raise BadInput(
                f"{len(components)} components and {len(passphrases)} passphrase files were given",
                hint="Give one --passphrase-file for each --component, in the same order.",
            )
        self._say = say or Say()
        self._files = dict(zip(components, passphrases, strict=False))
        self._components = list(components)
        self._seals: dict[str, Seal] = {}

    def unseal(self, text: str, name: str) -> str:
        """Return what is inside the sealed key file ``name``; raises ``BadInput``."""
        return self.seal_for(text, name).open(text, name)

    def seal_for(self, text: str, name: str) -> Seal:
        """Return the seal that the sealed key file needs; raises ``BadInput``."""
        needed = seal_id_in(text, name)
        if needed not in self._seals:
            found = [path for path in self._components if seal_id_of(path) == needed]
            if len(found) != 2:
                raise BadInput(
                    f"{name} needs both components of the seal {needed}; given: "
                    + (
                        ", ".join(f"{p.name} (seal {seal_id_of(p)})" for p in self._components)
                        or "none"
                    ),
                    hint="Give both: --component FILE --component FILE. Each custodian has one.",
                )
            self._seals[needed] = join([self._open(path) for path in found])
        return self._seals[needed]

    def _open(self, path: Path) -> Component:
        if path in self._files:
            return read_component(path, passphrase_in(self._files[path]))
        for left in reversed(range(_TRIES)):
            passphrase = ask(self._say("passphrase_of", name=path.name))
            try:
                return read_component(path, passphrase)
            except BadInput:
                if not left:
                    raise
                typer.echo(self._say("not_open", name=path.name), err=True)
        raise AssertionError  # the loop returns or raises


def ask(question: str) -> str:
    """Ask for a passphrase without showing it; raises ``BadInput`` where nobody can be asked."""
    if not sys.stdin.isatty():
        raise BadInput(
            "a passphrase is needed, and there is no terminal to ask at",
            hint="Run this at a terminal, or give --passphrase-file FILE for each component.",
        )
    answer: str = typer.prompt(question, hide_input=True, err=True)
    return answer


def passphrase_in(path: Path) -> str:
    """Return the passphrase in a file of mode 0600: its first line."""
    content = secret_files.read_secret(path, "the passphrase file")
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise BadInput(f"the passphrase file {path.name} is not UTF-8 text") from None
    if len(lines) < _SHORTEST_LINE:
        raise BadInput(f"the passphrase file {path.name} is empty")
    return lines[0]


def check_places(places: Sequence[Path]) -> None:
    """Raise ``BadInput`` unless two new files in two folders can hold the components."""
    if len(places) != 2:
        raise BadInput(
            f"two custodians are needed; {len(places)} given",
            hint="Give --custodian FILE twice, one file for each of the two people.",
        )
    if places[0].resolve().parent == places[1].resolve().parent:
        raise BadInput(
            "both components would lie in one folder: whoever opens it has the whole key",
            hint="Give each custodian a place of their own, such as a USB stick each.",
        )
    for place in places:
        if place.exists():
            raise BadInput(
                f"{place.name} exists and is not overwritten",
                hint="It may be the only copy of another key's component. Choose a new name.",
            )
        if not place.parent.is_dir():
            raise BadInput(f"the folder for {place.name} is not there", hint="Make it first.")


def ceremony(
    places: Sequence[Path],
    passphrases: Sequence[Path],
    entropy: Entropy,
    say: Say,
    tell: Callable[[str], None],
) -> Seal:
    """Make a seal, write its components, one custodian at the screen at a time.

    Raises ``BadInput`` before anything is written where the places or passphrases will not do;
    if the second component cannot be written, the first one is taken away again.
    """
    check_places(places)
    seal, first, second = split(entropy)
    words: list[str] = []
    for place, component in zip(places, (first, second), strict=True):
        if passphrases:
            chosen = passphrase_in(passphrases[len(words)])
            check_passphrase(chosen)
        else:
            tell(say("turn", place=component.place, name=str(place)))
            chosen = _chosen(say)
        if chosen in words:
            raise BadInput(
                "both custodians chose the same passphrase",
                hint="Each chooses one that the other does not know. Nothing was written.",
            )
        words.append(chosen)
    write_component(places[0], first, words[0], entropy)
    try:
        write_component(places[1], second, words[1], entropy)
    except BaseException:
        places[0].unlink(missing_ok=True)
        raise
    for place, component in zip(places, (first, second), strict=True):
        tell(say("component", place=component.place, name=str(place), check=component.check_value))
    return seal


def _chosen(say: Say) -> str:
    while True:
        chosen = ask(say("choose"))
        try:
            check_passphrase(chosen)
        except BadInput:
            typer.echo(say("too_short"), err=True)
            continue
        if ask(say("again")) == chosen:
            return chosen
        typer.echo(say("differ"), err=True)
