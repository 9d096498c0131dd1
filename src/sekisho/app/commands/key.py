"""``sekisho key``: make, seal, change and retire keys; what a key custodian works with."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sekisho.app.key_texts import KeyLanguage, Say
from sekisho.domain.errors import BadInput
from sekisho.vault import secret_files
from sekisho.vault.keys import SEALED, KeyKind, KeyRing

KEY_FILE = typer.Argument(help="Key file.")
COMPONENTS = typer.Option(
    "--component", help="A custodian's component of a sealed key file; give both."
)
PASSPHRASES = typer.Option(
    "--passphrase-file",
    help="File (mode 0600) with the passphrase, one for each component, in the same order. "
    "Without it each custodian is asked.",
)
CUSTODIANS = typer.Option(
    "--custodian",
    help="Where a custodian's component is to be written; give it twice, in two folders.",
)
Language = Annotated[KeyLanguage, typer.Option(help="Language of what is said to custodians.")]
Components = Annotated[list[Path] | None, COMPONENTS]
Passphrases = Annotated[list[Path] | None, PASSPHRASES]
Places = Annotated[list[Path] | None, CUSTODIANS]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    keys = typer.Typer(
        no_args_is_help=True,
        help="Keys: what card references are computed with, and kept numbers are locked with.",
    )

    keys.command("new")(new)
    keys.command("show")(show)
    keys.command("seal")(seal)
    keys.command("check")(check)
    keys.command("rotate")(rotate)
    keys.command("retire")(retire)
    app.add_typer(keys, name="key")


def new(
    out: Annotated[Path, typer.Option("--out", help="The key file to write. Must not exist.")],
    kind: Annotated[
        KeyKind, typer.Option(help="card: makes references; number: locks kept numbers.")
    ] = KeyKind.CARD,
    custodian: Places = None,
    passphrase_file: Passphrases = None,
    language: Language = KeyLanguage.EN,
) -> None:
    """Make a new key, readable by you alone, or sealed under two custodians."""
    from sekisho.vault.keys import new_ring, ring_text, write_ring  # noqa: PLC0415

    say = Say(language)
    ring = new_ring(kind, _entropy(32), _today())
    if custodian:
        if out.exists():
            raise BadInput(f"{out.name} exists and is not overwritten", hint="Choose a new name.")
        _seal_under(custodian, passphrase_file, [(out, ring_text(ring), kind)], say)
    else:
        write_ring(out, ring)
    _print(say("wrote", name=out, kind=say(str(kind)), key_id=ring.active.key_id))
    _print(say(f"keep_{kind}"))
    both = "".join(f" --component {place}" for place in custodian or ())
    _print(say(f"next_{kind}", name=out) + both)


def show(
    key_file: Annotated[Path, KEY_FILE],
    component: Components = None,
    passphrase_file: Passphrases = None,
    language: Language = KeyLanguage.EN,
) -> None:
    """Say what a key file holds: ids, days, which key is active; never a key."""
    from sekisho.vault.custody import seal_id_in  # noqa: PLC0415
    from sekisho.vault.keys import kind_of  # noqa: PLC0415

    say = Say(language)
    kind = kind_of(key_file)
    _print(say("shown", name=key_file.name, kind=say(str(kind))))
    text = _text_of(key_file)
    if text.startswith(SEALED):
        _print("  " + say("shown_sealed", seal=seal_id_in(text, key_file.name)))
        if not component:
            return
    ring = open_ring(key_file, kind, component, passphrase_file, say)
    for key in ring.keys:
        made_on = key.made_on.isoformat() if key.made_on else say("unknown_day")
        state = say("active" if key is ring.active else "older")
        _print("  " + say("shown_key", key_id=key.key_id, state=state, made_on=made_on))
    if ring.active.made_on:
        _print(say("age", days=(_today() - ring.active.made_on).days))


def seal(
    key_files: Annotated[list[Path], typer.Argument(help="Key files to seal together.")],
    custodian: Places = None,
    component: Components = None,
    passphrase_file: Passphrases = None,
    language: Language = KeyLanguage.EN,
) -> None:
    """Seal key files under two custodians; for files sealed already: under two new ones."""
    from sekisho.vault.keys import kind_of, ring_text  # noqa: PLC0415

    say = Say(language)
    count = len(component or ())
    old, fresh = (passphrase_file or [])[:count], (passphrase_file or [])[count:]
    inside = []
    for path in key_files:
        kind = kind_of(path)
        ring = open_ring(path, kind, component, old, say)
        inside.append((path, ring_text(ring), kind))
    _seal_under(custodian or [], fresh, inside, say, replace=True)
    for path in key_files:
        _print(say("copies", name=path))


def check(
    component: Annotated[Path, typer.Argument(help="Your component.")],
    passphrase_file: Annotated[
        Path | None, typer.Option(help="File (mode 0600) with its passphrase.")
    ] = None,
    language: Language = KeyLanguage.EN,
) -> None:
    """Let one custodian see that component and passphrase still open, without the other one."""
    from sekisho.app.custodians import ask, passphrase_in  # noqa: PLC0415
    from sekisho.vault.custody import read_component, seal_id_of  # noqa: PLC0415

    say = Say(language)
    seal_id_of(component)  # whether it is a component at all, before a passphrase is asked for
    words = (
        passphrase_in(passphrase_file)
        if passphrase_file
        else ask(say("passphrase_of", name=component.name))
    )
    read = read_component(component, words)
    values = {"name": component.name, "place": read.place, "seal": read.seal_id}
    _print(say("checked", check=read.check_value, **values))


def rotate(
    key_file: Annotated[Path, KEY_FILE],
    component: Components = None,
    passphrase_file: Passphrases = None,
    language: Language = KeyLanguage.EN,
) -> None:
    """Make a new active key; the one so far stays in the file to read with."""
    say = Say(language)

    def rotated(ring: KeyRing) -> KeyRing:
        return ring.rotated(_entropy(32), _today())

    before, after = _changed(key_file, rotated, component, passphrase_file, say)
    kind, old = say(str(after.kind)), before.active.key_id
    _print(say("rotated", name=key_file, new=after.active.key_id, old=old, kind=kind))
    _print(say(f"after_{after.kind}", name=key_file, old=old))


def retire(
    key_file: Annotated[Path, KEY_FILE],
    key_id: Annotated[str, typer.Option("--id", help="The older key to take out for ever.")],
    vault: Annotated[
        list[Path] | None,
        typer.Option(help="Vault files of yours; refused while one of them needs the key."),
    ] = None,
    component: Components = None,
    passphrase_file: Passphrases = None,
    language: Language = KeyLanguage.EN,
) -> None:
    """Take an older key out of the file, for ever, once nothing needs it."""
    from sekisho.vault.keys import kind_of  # noqa: PLC0415

    say = Say(language)
    kind = kind_of(key_file)
    if kind is KeyKind.NUMBER and not vault:
        raise BadInput(
            "which vault files are locked with this key file?",
            hint="Give each: --vault FILE. A number whose key is gone cannot be read again.",
        )
    for path in vault or ():
        _refuse_if_needed(path, kind, key_id)
    _, after = _changed(
        key_file, lambda ring: ring.without(key_id), component, passphrase_file, say
    )
    _print(say("retired", name=key_file, old=key_id, kind=say(str(after.kind))))


def _refuse_if_needed(vault: Path, kind: KeyKind, key_id: str) -> None:
    from sekisho.vault.numbers import open_vault  # noqa: PLC0415

    with open_vault(vault, _entropy) as opened:
        held = opened.summary()
    used = held.number_keys if kind is KeyKind.NUMBER else held.card_keys
    if key_id in used:
        what = "vault rewrap" if kind is KeyKind.NUMBER else "vault rekey"
        raise BadInput(
            f"{vault.name} still needs the {kind} key {key_id}",
            hint=f"First: sekisho {what} {vault.name}",
        )


def open_ring(
    path: Path,
    kind: KeyKind,
    component: list[Path] | None,
    passphrase_file: list[Path] | None,
    say: Say | None = None,
) -> KeyRing:
    """Return the ring in a key file, with its custodians where it is sealed."""
    from sekisho.app.custodians import Custodians  # noqa: PLC0415
    from sekisho.vault.keys import read_ring  # noqa: PLC0415

    if not component:
        return read_ring(path, kind)
    return read_ring(path, kind, Custodians(component, passphrase_file or [], say).unseal)


def _changed(
    path: Path,
    change: Callable[[KeyRing], KeyRing],
    component: list[Path] | None,
    passphrase_file: list[Path] | None,
    say: Say,
) -> tuple[KeyRing, KeyRing]:
    """Put a changed ring in the place of the one in ``path``, sealed again if it was."""
    from sekisho.app.custodians import Custodians  # noqa: PLC0415
    from sekisho.vault.keys import kind_of, read_ring, ring_text  # noqa: PLC0415

    custodians = Custodians(component or [], passphrase_file or [], say)
    with secret_files.alone(path):
        text = _text_of(path)
        kind = kind_of(path)
        before = read_ring(path, kind, custodians.unseal)
        after = change(before)
        written = ring_text(after)
        if text.startswith(SEALED):
            written = custodians.seal_for(text, path.name).lock(written, kind, _entropy)
        secret_files.replace(path, written, "the key file")
    return before, after


def _seal_under(
    places: list[Path],
    passphrases: list[Path] | None,
    inside: list[tuple[Path, str, KeyKind]],
    say: Say,
    *,
    replace: bool = False,
) -> None:
    """Hold the ceremony and write each key file sealed."""
    from sekisho.app.custodians import ceremony  # noqa: PLC0415

    made = ceremony(places, passphrases or [], _entropy, say, _print)
    done = 0
    try:
        for path, text, kind in inside:
            locked = made.lock(text, kind, _entropy)
            write = secret_files.replace if replace else secret_files.write_new
            write(path, locked, "the key file")
            done += 1
    except BaseException:
        if not done:  # components that open nothing would only be in the way
            for place in places:
                place.unlink(missing_ok=True)
        raise
    first, second = places
    for path, _, _ in inside:
        _print(say("sealed", name=path, seal=made.seal_id, first=first, second=second))


def _text_of(path: Path) -> str:
    content = secret_files.read_secret(path, "the key file", KeyKind.CARD.make_one)
    return content.decode("ascii", errors="replace")


def _entropy(count: int) -> bytes:
    return secrets.token_bytes(count)


def _today() -> date:
    return datetime.now(tz=UTC).astimezone().date()  # noqa: TID251 - app/ alone reads the clock


def _print(text: str) -> None:
    Console(highlight=False, markup=False, soft_wrap=True).print(text)
