"""``sekisho vault``: kept card numbers and the link to them; numbers leave to a file alone."""

from __future__ import annotations

import csv
import io
import os
import pwd
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sekisho.app.commands.key import Components, Passphrases, open_ring
from sekisho.app.guard import no_values_in_tracebacks
from sekisho.app.opening import DatabaseOption
from sekisho.app.options import day_of
from sekisho.domain.errors import BadInput
from sekisho.vault import secret_files
from sekisho.vault.keys import KeyKind
from sekisho.vault.reveal import Purpose, check_name

VaultFile = Annotated[Path, typer.Argument(help="Vault file (sekisho import --keep-numbers).")]
NumberKey = Annotated[Path, typer.Option(help="Key file for kept numbers.")]
Cards = Annotated[Path, typer.Option(help="Parquet or CSV file with a column card_ref.")]
Link = Annotated[
    list[Path] | None,
    typer.Option(help="vault-link.parquet, where the cards are under your own references."),
]
_INCOMPLETE = 3
_LOGIN = Path("/proc/self/loginuid")
_NO_LOGIN = 2**32 - 1


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    vault = typer.Typer(
        no_args_is_help=True,
        help="Kept card numbers: who may have them back, for how long, under which key.",
    )
    for command in (show, permit, reveal, rewrap, rekey, translate, purge, delete, link, audit):
        vault.command(command.__name__)(command)
    app.add_typer(vault, name="vault")


def show(vault: VaultFile) -> None:
    """Say what a vault file holds, in counts; needs no key and shows no number."""
    from sekisho.vault.numbers import open_vault  # noqa: PLC0415

    with open_vault(vault, secrets.token_bytes) as opened:
        held = opened.summary()
    _print(f"{vault.name}: {held.numbers:,} card numbers, {held.replacements:,} replacements")
    for key_id, count in held.card_keys.items():
        _print(f"  {count:,} under references of the card key {key_id}")
    for key_id, count in held.number_keys.items():
        _print(f"  data keys locked with the number key {key_id}: {count:,}")
    if held.next_deletion:
        _print(f"  the next are to be deleted on {held.next_deletion}: sekisho vault purge {vault}")


def permit(  # noqa: PLR0913, PLR0917 - options of the command line
    number_key: NumberKey,
    to: Annotated[str, typer.Option(help="Account name of the person who is allowed.")],
    purpose: Annotated[Purpose, typer.Option(help="What the numbers are for.")],
    cards: Annotated[int, typer.Option(min=1, help="How many numbers at most, all reveals taken.")],
    until: Annotated[str, typer.Option(help="Last day, as 2026-03-31.")],
    out: Annotated[Path, typer.Option(help="The permit to write. Must not exist.")],
    component: Components = None,
    passphrase_file: Passphrases = None,
) -> None:
    """Allow another person to have numbers revealed; nobody can allow it to themselves."""
    from sekisho.vault.reveal import Permit, write_permit  # noqa: PLC0415

    granted_by, now = _account(), _now()
    if check_name(to) == granted_by:
        raise BadInput(
            f"you are {to}: nobody can allow it to themselves",
            hint="Another person has to run this command under their own account.",
        )
    last = day_of("--until", until)
    if last is None or last < now.date():
        raise BadInput("--until lies in the past", hint="Give today or a later day.")
    ring = open_ring(number_key, KeyKind.NUMBER, component, passphrase_file)
    made = Permit(
        permit_id=secrets.token_hex(8),
        purpose=purpose,
        actor=to,
        granted_by=granted_by,
        granted_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        until=last,
        cards_max=cards,
        key_id=ring.active.key_id,
    )
    write_permit(out, made, ring)
    _print(f"Wrote {out}: {granted_by} allows {to} {cards:,} numbers for {purpose} until {last}.")
    _print(f"Give it to {to}, who runs: sekisho vault reveal VAULT --permit {out} ...")


def reveal(  # noqa: PLR0913, PLR0917 - options of the command line
    vault: VaultFile,
    cards: Cards,
    purpose: Annotated[Purpose, typer.Option(help="What the numbers are for.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; it goes on the record.")],
    permit: Annotated[Path, typer.Option(help="Permit of another person (sekisho vault permit).")],
    number_key: NumberKey,
    out: Annotated[Path, typer.Option(help="The file to write, mode 0600. Must not exist.")],
    link: Link = None,
    record: Annotated[
        Path | None, typer.Option(help="Record of reveals (default: VAULT.reveals.jsonl).")
    ] = None,
    component: Components = None,
    passphrase_file: Passphrases = None,
    database: DatabaseOption = None,
) -> None:
    """Write the numbers of cards to a file for a purpose, never to the screen, on the record.

    The record is a file beside the vault and, where there is a store, its audit log.
    Ends with 3 where some of the cards are not in the file, and says why.
    """
    from sekisho.app.reveal_record import record_of  # noqa: PLC0415
    from sekisho.vault import reveal as revealing  # noqa: PLC0415
    from sekisho.vault import reveal_file  # noqa: PLC0415
    from sekisho.vault.numbers import open_vault  # noqa: PLC0415

    with no_values_in_tracebacks():
        reveal_file.check_place(out)
        ring = open_ring(number_key, KeyKind.NUMBER, component, passphrase_file)
        allowed = revealing.read_permit(permit, ring)
        request = revealing.Request(_account(), _now(), purpose, reason, allowed)
        asked, unknown = _references(cards, link)
        apart = out.with_name(f"{out.stem}-apart.csv")
        reveal_file.check_place(apart)
        place = record or vault.with_name(f"{vault.name}.reveals.jsonl")
        with (
            record_of(place, database) as on_record,
            open_vault(vault, secrets.token_bytes) as opened,
        ):
            order = reveal_file.plan(
                purpose, list(asked), opened.which_are_kept(asked), opened.replacements()
            )
            if not order.rows:
                raise BadInput(
                    f"none of the {len(asked) + len(unknown):,} cards can be revealed: "
                    + _reasons([*order.missing.values(), *unknown.values()]),
                    hint="Nothing was recorded, nothing written.",
                )
            numbers = revealing.reveal(opened, ring, order.refs, request, on_record)
            reveal_file.write(out, order, numbers, asked)
        missing = {own: why for ref, why in order.missing.items() for own in asked[ref]} | unknown
        if missing:
            secret_files.write_new(apart, _table(missing), "the list of cards left out")
    _print(f"Wrote {out}: {len(order.rows):,} cards for {purpose} (mode 0600, clear numbers).")
    _print(f"On the record: {on_record.places}")
    _print("Hand it on by the way that the receiver prescribes, then delete it.")
    if missing:
        _print(f"{len(missing):,} cards are not in it: {_reasons(list(missing.values()))}")
        _print(f"Which ones: {apart}")
        raise typer.Exit(_INCOMPLETE)


def rewrap(
    vault: VaultFile,
    number_key: NumberKey,
    component: Components = None,
    passphrase_file: Passphrases = None,
) -> None:
    """After sekisho key rotate: lock the data keys with the active number key."""
    from sekisho.vault.numbers import open_vault  # noqa: PLC0415

    ring = open_ring(number_key, KeyKind.NUMBER, component, passphrase_file)
    with open_vault(vault, secrets.token_bytes) as opened:
        changed = opened.rewrap(ring)
    _print(
        f"{vault.name}: all data keys are locked with {ring.active.key_id} ({changed:,} changed)."
    )
    for key in ring.older:
        _print(
            f"No longer needed here: sekisho key retire {number_key} --id {key.key_id} "
            f"--vault {vault}"
        )


def rekey(
    vault: VaultFile,
    card_key: Annotated[Path, typer.Option(help="Card key file, rotated.")],
    number_key: NumberKey,
    out: Annotated[Path, typer.Option(help="Map of references to write (Parquet).")],
    component: Components = None,
    passphrase_file: Passphrases = None,
) -> None:
    """After rotating the card key: new references for kept numbers, and a map from the old."""
    from sekisho.app.reference_map import write_map  # noqa: PLC0415
    from sekisho.vault.numbers import open_vault  # noqa: PLC0415

    with no_values_in_tracebacks():
        cards = open_ring(card_key, KeyKind.CARD, component, passphrase_file)
        ring = open_ring(number_key, KeyKind.NUMBER, component, passphrase_file)
        with open_vault(vault, secrets.token_bytes) as opened, opened.whole():
            count = write_map(out, opened.rekey(ring, cards), cards.active.key_id)
    _print(f"{vault.name}: {count:,} numbers now stand under the card key {cards.active.key_id}.")
    _print(f"Wrote {out}: old_card_ref, card_ref. Keep it with the key, not with the data.")


def translate(
    files: Annotated[list[Path], typer.Argument(help="Parquet files with old references.")],
    reference_map: Annotated[
        Path, typer.Option("--map", help="Map of references (rekey, import --old-references).")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write. Must not exist or be empty.")],
) -> None:
    """Carry files over to a new card key: old references become new ones, by the map.

    Ends with 3 where some references are not in the map; they stay as they are, and are counted.
    """
    from sekisho.app.commands.import_ import new_folder  # noqa: PLC0415
    from sekisho.app.reference_map import read_map, translated  # noqa: PLC0415

    known = read_map(reference_map)
    names = [path.name for path in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadInput(f"two of the files have the same name: {', '.join(twice)}")
    unknown = 0
    with new_folder(out) as folder:
        for path in files:
            done = translated(path, folder / path.name, known)
            unknown += done.unknown
            _print(
                f"{path.name}: {done.changed:,} references in {', '.join(done.columns)} are new, "
                f"{done.unknown:,} are not in the map and stay"
            )
    _print(f"Wrote {out} (card key {known.key_id}).")
    if unknown:
        raise typer.Exit(_INCOMPLETE)


def purge(
    vault: VaultFile,
    as_of: Annotated[str | None, typer.Option(help="Delete as on this day, not today.")] = None,
) -> None:
    """Delete the numbers whose day has come; run it every day."""
    from sekisho.vault.numbers import open_vault  # noqa: PLC0415

    today = day_of("--as-of", as_of) or _now().date()
    if today > _now().date():
        raise BadInput("--as-of lies in the future", hint="Numbers go on their day, not before.")
    with open_vault(vault, secrets.token_bytes) as opened:
        gone = opened.purge(today)
        left = opened.summary().numbers
    _print(f"{vault.name}: {gone:,} numbers deleted, {left:,} kept.")


def delete(vault: VaultFile, cards: Cards, link: Link = None) -> None:
    """Delete the numbers of these cards before their day."""
    from sekisho.vault.numbers import open_vault  # noqa: PLC0415

    asked, unknown = _references(cards, link)
    with open_vault(vault, secrets.token_bytes) as opened:
        gone = opened.delete(asked)
    _print(f"{vault.name}: {gone:,} numbers deleted.")
    if missing := len(asked) - gone + len(unknown):
        _print(f"{missing:,} of the cards had no number here.")


def link(
    links: Annotated[list[Path], typer.Argument(help="vault-link.parquet files.")],
    cards: Cards,
    out: Annotated[Path, typer.Option(help="File to write (Parquet). Must not exist.")],
) -> None:
    """Look cards up in bulk: from your references to those that live traffic comes under.

    Ends with 3 where some are ambiguous or unknown; they stand in a file beside.
    """
    from sekisho.app.reference_map import write_looked_up  # noqa: PLC0415
    from sekisho.vault.link import read_link  # noqa: PLC0415
    from sekisho.vault.references import read_references  # noqa: PLC0415

    opened = read_link(links)
    found = opened.hashes_of(read_references(cards))
    ambiguous = len(set(found.ambiguous.column("card_ref").to_pylist()))
    apart = write_looked_up(out, found, opened.key_id)
    _print(f"Wrote {out}: {found.pairs.num_rows:,} cards with their pan_hash.")
    if apart:
        _print(
            f"{ambiguous:,} stand for more than one number, {len(found.unknown):,} are unknown: "
            f"{apart} says which"
        )
        raise typer.Exit(_INCOMPLETE)


def audit(record: Annotated[Path, typer.Argument(help="Record of reveals.")]) -> None:
    """Check that no line of a record of reveals was changed, and list it."""
    from sekisho.vault.audit_file import read_audit  # noqa: PLC0415

    count = 0
    for entry in read_audit(record):
        count += 1
        _print(
            f"{entry['at']}  {entry['actor']}  {entry['cards']:,} numbers for {entry['purpose']}  "
            f"(permit {entry['permit_id']} of {entry['granted_by']}): {entry['reason']}"
        )
    _print(f"{record.name}: {count:,} entries, none changed.")


def _references(
    cards: Path, links: Sequence[Path] | None
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return the vault's references with the caller's, and those of the caller's that lead to none.

    Without a link both are the same.
    """
    from sekisho.vault.link import read_link  # noqa: PLC0415
    from sekisho.vault.references import read_references  # noqa: PLC0415

    asked = read_references(cards)
    if not links:
        return {ref: [ref] for ref in asked}, {}
    found = read_link(links).hashes_of(asked)
    unknown = dict.fromkeys(found.unknown.to_pylist(), "not in the link")
    several = found.ambiguous.column("card_ref").to_pylist()
    unknown |= dict.fromkeys(several, "stands for more than one number")
    own: dict[str, list[str]] = {}
    for pair in found.pairs.to_pylist():
        own.setdefault(pair["pan_hash"], []).append(pair["card_ref"])
    return own, unknown


def _table(missing: dict[str, str]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("card_ref", "why"))
    table.writerows(missing.items())
    return text.getvalue()


def _reasons(reasons: Sequence[str]) -> str:
    return "; ".join(f"{reasons.count(reason):,}: {reason}" for reason in sorted(set(reasons)))


def _account() -> str:
    """The account that this person logged in with: nobody can claim another.

    The login survives sudo and su, so that two people who work through one service account are
    still two on the record. Where the system does not keep it, the account of the process.
    """
    uid = os.getuid()
    try:
        login = int(_LOGIN.read_text("ascii"))
    except (OSError, ValueError):
        login = _NO_LOGIN
    if login != _NO_LOGIN:
        uid = login
    try:
        return check_name(pwd.getpwuid(uid).pw_name)
    except KeyError:
        raise BadInput(f"the account with the number {uid} has no name") from None


def _now() -> datetime:
    return datetime.now(tz=UTC).astimezone()  # noqa: TID251 - app/ alone reads the clock


def _print(text: str) -> None:
    Console(highlight=False, markup=False, soft_wrap=True).print(text)
