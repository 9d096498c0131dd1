"""``sekisho message``: write to the people concerned, so that nobody can take it for phishing."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape

from sekisho.app.bars import drawn
from sekisho.app.opening import (
    DatabaseOption,
    PersonOption,
    ReasonOption,
    acting,
    because,
    open_store,
    outside,
    person,
)
from sekisho.domain.errors import BadInput
from sekisho.domain.message import Channel, MessageState

if TYPE_CHECKING:
    from sekisho.app.message_writing import Writer
    from sekisho.store.transaction import Store

Settings = Annotated[
    Path, typer.Option("--settings", envvar="SEKISHO_MESSAGES", show_envvar=True,
                       help="Who writes, and by which ways (TOML).")
]  # fmt: skip
Values = Annotated[
    Path | None, typer.Option(help="Values that are the same for everybody (TOML or JSON).")
]
Mailing = Annotated[str, typer.Argument(metavar="MAILING", help="As sekisho message plan says.")]
_STEPS: Final = {"write": "write and check every message", "set": "set letters"}


class Languages(StrEnum):
    """In which language a message is written."""

    JA = "ja"
    EN = "en"


class Became(StrEnum):
    """What a person can say became of a message."""

    SENT = "sent"
    DELIVERED = "delivered"
    RETURNED = "returned"
    FAILED = "failed"
    SUPERSEDED = "superseded"


messages = typer.Typer(
    no_args_is_help=True,
    help="Write to the people concerned: plan, let a second person approve, send, follow up.",
)


@messages.command("lint")
def lint(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Texts: .toml or .txt.")],
    settings: Settings,
    language: Annotated[Languages, typer.Option("--lang", help="Of a .txt.")] = Languages.JA,
    channel: Annotated[Channel, typer.Option(help="Of a .txt.")] = Channel.EMAIL,
) -> None:
    """Judge texts by the rules that every message has to pass. Ends with 1 where one does not."""
    from sekisho.app.message_lint import lint_file  # noqa: PLC0415 - loads the rulebook
    from sekisho.app.message_settings import read_settings  # noqa: PLC0415

    senders = read_settings(settings).senders
    console = _console()
    count = 0
    for file in files:
        for where, offence in lint_file(file, senders, language.value, channel):
            console.print(escape(f"{where}: {offence}"))
            count += 1
    console.print(f"{count} offences." if count else "Nothing stands against sending.")
    if count:
        raise typer.Exit(1)


@messages.command("preview")
def preview(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help="Kind, as full_notice.")],
    settings: Settings,
    values: Values = None,
    language: Annotated[Languages, typer.Option("--lang")] = Languages.JA,
    channel: Annotated[Channel, typer.Option(help="By which way.")] = Channel.EMAIL,
    out: Annotated[
        Path | None, typer.Option(help="Write it there: .pdf is a letter, else text.")
    ] = None,
) -> None:
    """Show one message as it would go out, to an invented person."""
    from sekisho.app.message_preview import previewed  # noqa: PLC0415 - loads the rulebook

    writer = _writer(template, settings, _values(values))
    as_pdf = out is not None and out.suffix == ".pdf"
    made = previewed(writer, language.value, Channel.LETTER if as_pdf else channel)
    if out is None:
        _console().print(escape(made.text))
        return
    content = made.pdf(outside().clock()) if as_pdf else made.text.encode("utf-8")
    out.write_bytes(content)
    _console().print(f"Wrote {escape(str(out))}.")


@messages.command("plan")
def plan(  # noqa: PLR0913, PLR0917 - options of the command line
    recipients: Annotated[Path, typer.Option("--list", help="Recipients (CSV).")],
    template: Annotated[str, typer.Option(help="Kind of message, as full_notice.")],
    settings: Settings,
    person_id: PersonOption,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log.")],
    values: Values = None,
    yes: Annotated[  # noqa: FBT002
        bool, typer.Option("--yes", help="Keep the plan; without it only the counts are shown.")
    ] = False,
    database: DatabaseOption = None,
) -> None:
    """Write out every message, keep back what may not go, and propose the rest.

    Nothing is sent: another person approves the proposal, then sekisho message send does it.
    """
    from sekisho.app.message_list import read_list  # noqa: PLC0415 - loads the vault
    from sekisho.app.message_settings import read_settings  # noqa: PLC0415
    from sekisho.app.messaging import drafts, plan_mailing  # noqa: PLC0415 - loads the database
    from sekisho.vault.keys import read_key  # noqa: PLC0415

    writer = _writer(template, settings, _values(values))
    listed = read_list(recipients)
    console = _console()
    for one in listed.rejected[:20]:
        console.print(escape(f"not planned: {one.file} line {one.row}: {one.field} {one.reason}"))
    secret = read_key(read_settings(settings).number_key).secret
    with drawn(_STEPS) as bars:
        if not yes:
            numbers = ["2222-2222-2222-X"] * len(listed.recipients)
            _tell_drafts(console, drafts(writer, listed.recipients, numbers, bars))
            console.print("Nothing was kept. Look at one with sekisho message preview, then --yes.")
            return
        with open_store(database) as store:
            planned = plan_mailing(
                store,
                writer,
                listed.recipients,
                secret=secret,
                who=(person(person_id), because(reason)),
                progress=bars,
            )
    _tell_counts(console, planned.messages, planned.held, len(listed.rejected))
    console.print(f"Planned [bold]{planned.mailing_id}[/]. Another person now does:")
    console.print(
        f"  sekisho proposal approve {planned.proposal.proposal_id} --hash "
        f"{planned.proposal.payload_hash} --person ID --reason WHY"
    )
    console.print(f"Then: sekisho message send {planned.mailing_id} --settings {settings}")


@messages.command("send")
def send(
    mailing: Mailing,
    settings: Settings,
    person_id: PersonOption,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log.")] = "approved",
    database: DatabaseOption = None,
) -> None:
    """Send an approved mailing: e-mail, SMS and push. May be stopped and started again.

    Nobody gets a message twice: what may have gone out when it was stopped is looked up first.
    """
    from sekisho.app.message_settings import read_settings  # noqa: PLC0415 - loads the rulebook
    from sekisho.app.message_worker import release_mailing, send_until_done  # noqa: PLC0415

    chosen = read_settings(settings)
    with open_store(database, must_exist=True) as store:
        count = release_mailing(store, mailing, person(person_id), because(reason))
        if count:
            _console().print(f"{count:,} messages are on their way.")
        with drawn({"send": "send"}) as bars:
            send_until_done(store, chosen, mailing, bars)
        _tell_status(store, mailing)


@messages.command("export")
def export(
    mailing: Mailing,
    settings: Settings,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    channel: Annotated[Channel, typer.Option(help="letter or phone.")] = Channel.LETTER,
    database: DatabaseOption = None,
) -> None:
    """Write the letters of an approved mailing for a printing house, or its calls for a desk.

    The same mailing gives the same bytes however often: it may be written again.
    """
    from sekisho.app.message_export import export_calls, export_letters  # noqa: PLC0415
    from sekisho.app.message_settings import read_settings  # noqa: PLC0415

    chosen = read_settings(settings)
    if channel not in (Channel.LETTER, Channel.PHONE):
        raise BadInput(f"{channel} is not exported", hint="Send it: sekisho message send")
    work = export_letters if channel is Channel.LETTER else export_calls
    with open_store(database, must_exist=True) as store, drawn(_STEPS) as bars:
        count, held = work(store, chosen, mailing, out, bars)
    _console().print(f"Wrote {count:,} to {escape(str(out))}; {held:,} kept back.")
    if channel is Channel.LETTER:
        _console().print(f"When they are posted: sekisho message note {mailing} --as sent")


@messages.command("status")
def status(
    mailing: Annotated[str, typer.Argument(metavar="[MAILING]")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002
    database: DatabaseOption = None,
) -> None:
    """Show where the messages of a mailing stand; without one, of all."""
    from sekisho.store.messages import counts, mailings  # noqa: PLC0415 - loads the database

    with open_store(database, must_exist=True) as store:
        if as_json:
            with store.read() as connection:
                found = [one for one in mailings(connection) if mailing in ("", one.mailing_id)]
                rows = [
                    {
                        "mailing": one.mailing_id,
                        "kind": one.kind,
                        "released": one.released,
                        "messages": _plain_counts(counts(connection, one.mailing_id)),
                    }
                    for one in found
                ]
            typer.echo(json.dumps({"schema": "sekisho.messages/1", "mailings": rows}))
            return
        with store.read() as connection:
            names = [mailing] if mailing else [one.mailing_id for one in mailings(connection)]
        for name in names:
            _tell_status(store, name)
        if not names:
            _console().print("There is no mailing yet.")


@messages.command("verify")
def verify(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="As the reader typed it.")],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,  # noqa: FBT002
    database: DatabaseOption = None,
) -> None:
    """Say whether a message number is genuine. Ends with 1 where it is not."""
    from sekisho.app.messaging import verify_number  # noqa: PLC0415 - loads the database

    with open_store(database, must_exist=True) as store:
        found = verify_number(store, number)
    if as_json:
        fields = ("genuine", "reason", "kind", "channel", "on", "sha256")
        typer.echo(json.dumps({name: getattr(found, name) for name in fields}))
    elif found.genuine:
        _console().print(f"Genuine: {found.kind} by {found.channel}, dated {found.on}.")
    elif found.reason == "mistyped":
        _console().print("Not a number of ours: a character is wrong or missing. Compare it.")
    else:
        _console().print("Not one of our messages. Do not answer it; tell the desk.")
    if not found.genuine:
        raise typer.Exit(1)


@messages.command("reports")
def reports(
    settings: Settings,
    mailboxes: Annotated[
        list[Path] | None,
        typer.Argument(metavar="MAILBOX...", help="Maildir or mbox; none: [imap] of the settings."),
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Read bounces and complaints and take them over. Reading again changes nothing."""
    from sekisho.app.message_settings import read_settings  # noqa: PLC0415 - loads the rulebook
    from sekisho.app.messaging import read_reports  # noqa: PLC0415
    from sekisho.gateways.inbound.mailbox.boxes import imap_mails, mails  # noqa: PLC0415

    chosen = read_settings(settings)
    mail = chosen.mail
    if mail is None or (not mailboxes and chosen.imap is None):
        raise BadInput("the settings have no [mail], or no [imap] to read from")
    domains = frozenset({mail.domain.lower(), mail.bounces.rpartition("@")[2].lower()})
    with open_store(database, must_exist=True) as store:
        boxes = [mails(box) for box in mailboxes or ()]
        if chosen.imap is not None and not mailboxes:
            boxes = [imap_mails(chosen.imap)]
        found = read_reports(store, chain.from_iterable(boxes), domains)
    console = _console()
    for state, count in found.changed.items():
        console.print(f"{count:,} {state}")
    for what, count in (("known already", found.known), ("only delayed", found.delayed),
                        ("about unknown numbers", found.unknown)):  # fmt: skip
        console.print(f"{count:,} {what}")
    for reason, count in found.unread.most_common():
        console.print(f"{count:,} not read: {escape(reason)}")


@messages.command("note")
def note(
    what: Annotated[list[str], typer.Argument(metavar="MAILING|NUMBER...")],
    became: Annotated[Became, typer.Option("--as", help="What became of them.")],
    person_id: PersonOption,
    why: Annotated[str, typer.Option(help="On what it rests.")] = "",
    channel: Annotated[Channel, typer.Option(help="Of a whole mailing.")] = Channel.LETTER,
    database: DatabaseOption = None,
) -> None:
    """Note what a person knows: letters posted or returned, a call that reached somebody."""
    from sekisho.app.messaging import messages_named, note_states  # noqa: PLC0415

    with open_store(database, must_exist=True) as store:
        found = messages_named(store, what, channel)
        after = MessageState(became.value)
        moved = note_states(store, found, after, why=why, actor=person(person_id))
    _console().print(f"{moved:,} of {len(found):,} messages are now {after}.")


@messages.command("erase")
def erase(
    mailing: Annotated[str, typer.Argument(metavar="MAILING")],
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Empty names, addresses and values of a mailing's finished messages; numbers and states stay.

    Messages that are still open keep theirs. Backups have to run out too.
    """
    from sekisho.store.messages import erase_recipients  # noqa: PLC0415 - the database library

    with acting(database, person_id, reason) as tx:
        erased = erase_recipients(tx, mailing)
    _console().print(f"{erased:,} messages emptied.")


def _writer(kind: str, settings: Path, common: Mapping[str, str]) -> Writer:
    from sekisho.app.message_settings import read_settings  # noqa: PLC0415 - loads the rulebook
    from sekisho.app.message_writing import Writer  # noqa: PLC0415
    from sekisho.rulebook.templates import load  # noqa: PLC0415

    chosen = read_settings(settings)
    on = outside().clock().astimezone().date()
    templates = load(chosen.templates)
    return Writer(kind, on, chosen.senders, common, templates, chosen.era)


def _values(path: Path | None) -> dict[str, str]:
    """The values in the file, as texts."""
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        document: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(f"{path.name} cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise BadInput(f"{path.name} is no table of values")
    wrong = [name for name, value in document.items() if isinstance(value, dict | list | bool)]
    if wrong:
        raise BadInput(f"{path.name}: {wrong[0]} is no single value")
    return {name: str(value) for name, value in document.items()}


def _plain_counts(found: Mapping[tuple[Channel, MessageState], int]) -> dict[str, dict[str, int]]:
    plain: dict[str, dict[str, int]] = {}
    for (channel, state), count in found.items():
        plain.setdefault(channel.value, {})[state.value] = count
    return plain


def _tell_drafts(console: Console, made: list[Any]) -> None:
    from collections import Counter  # noqa: PLC0415 - beside its use

    ways = Counter(one.channel for one in made if not one.trouble)
    _tell_counts(console, ways, Counter(one.trouble for one in made if one.trouble), 0)


def _tell_counts(
    console: Console, ways: Mapping[Channel, int], held: Mapping[str, int], rejected: int
) -> None:
    for channel, count in ways.items():
        console.print(f"{count:,} by {channel}")
    for trouble, count in held.items():
        console.print(f"[yellow]{count:,} kept back[/]: {escape(trouble)}")
    if rejected:
        console.print(f"[yellow]{rejected:,} rows of the list cannot be written to[/]")


def _tell_status(store: Store, mailing: str) -> None:
    from sekisho.store.messages import counts, mailing_of, reasons  # noqa: PLC0415

    with store.read() as connection:
        found = mailing_of(connection, mailing)
        by_state = counts(connection, mailing)
        troubled = {
            state: reasons(connection, mailing, state)
            for state in (MessageState.HELD, MessageState.IN_DOUBT, MessageState.FAILED)
        }
    console = _console()
    standing = "released" if found.released else "waits for approval"
    console.print(f"[bold]{mailing}[/] {escape(found.kind)}: {standing}")
    for (channel, state), count in sorted(by_state.items()):
        console.print(f"  {channel} {state}: {count:,}")
    for state, why in troubled.items():
        for reason, count in list(why.items())[:5]:
            console.print(escape(f"    {state}: {count:,} × {reason or 'no reason'}"))


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    app.add_typer(messages, name="message")
