"""``sekisho case``: questions to holders, as the desk sees and answers them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from sekisho.app.opening import (
    DatabaseOption,
    PersonOption,
    ReasonOption,
    acting,
    because,
    open_store,
    person,
)

if TYPE_CHECKING:
    from sekisho.domain.asking import HolderCase, Purchase
    from sekisho.store.transaction import Store

_Case = Annotated[str, typer.Argument(metavar="CASE", help="Id of a case, or of a decision.")]
_Json = Annotated[bool, typer.Option("--json", help="For programs.")]
_Settings = Annotated[
    Path | None,
    typer.Option("--settings", help="Settings of messages, with the table [asking]."),
]


class Said(StrEnum):
    """What the holder said on the telephone."""

    MINE = "mine"
    FAMILY = "family"
    NOT_MINE = "not_mine"
    UNSURE = "unsure"


def show_all(
    waiting: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--waiting", help="Only those that a person has to see to.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    as_json: _Json = False,  # noqa: FBT002
    database: DatabaseOption = None,
) -> None:
    """List the questions, the newest first."""
    from sekisho.store.cases import list_cases, purchases  # noqa: PLC0415 - loads the library

    with open_store(database, must_exist=True) as store, store.read() as connection:
        found = list_cases(connection, waiting=waiting, limit=limit)
        first = {one.case_id: purchases(connection, one.case_id)[0] for one in found}
    if as_json:
        rows = [_plain_case(one, [first[one.case_id]]) for one in found]
        typer.echo(json.dumps({"schema": "sekisho.cases/1", "cases": rows}))
        return
    console = _console()
    if not found:
        console.print("No question waits for a person." if waiting else "Nobody was asked yet.")
        return
    case = Column("case", no_wrap=True)
    table = Table(case, "state", "asked about", "amount", "asked at", "needs")
    for one in found:
        table.add_row(*map(escape, _cells(one, first[one.case_id])))
    console.print(table)


def show(
    case: _Case,
    as_json: _Json = False,  # noqa: FBT002
    database: DatabaseOption = None,
) -> None:
    """Show one question: what it is about, how it was asked, what was answered, what followed."""
    with open_store(database, must_exist=True) as store:
        told = _everything(store, case)
    if as_json:
        typer.echo(json.dumps({"schema": "sekisho.case/1", **told}, ensure_ascii=False))
        return
    console = _console()
    console.print(f"[bold]{told['case_id']}[/] {told['state']}", end="")
    console.print(f", {told['closed_as']}" if told["closed_as"] else "")
    for word in ("opened_at", "stopped_at", "closed_at"):
        if told[word]:
            console.print(f"  {word.replace('_', ' ')}: {told[word]}")
    if told["contradicted"]:
        console.print("  [yellow]a later answer says the opposite: ask the holder[/]")
    _print_purchases(console, "purchases", told["purchases"])
    _print_rows(console, "tries", told["outreach"], ("channel", "state", "since", "message"))
    _print_rows(console, "answers", told["answers"], ("at", "answer", "way", "who", "counted"))
    for kind in told["drafts"]:
        console.print(f"draft: {kind} (see it with --json)")


def answer(
    case: _Case,
    said: Annotated[Said, typer.Argument(metavar="ANSWER", help="mine|family|not_mine|unsure")],
    person_id: PersonOption,
    reason: Annotated[
        str, typer.Option("--reason", help="How you made sure who is speaking, and what was said.")
    ],
    settings: _Settings = None,
    database: DatabaseOption = None,
) -> None:
    """Note what the holder said on the telephone; the card, the label and the drafts follow.

    Make sure first that it is the holder: this counts as a signed-in answer.
    """
    from sekisho.domain.asking import Answer, AnswerGiven, Way  # noqa: PLC0415

    with open_store(database, must_exist=True) as store:
        given = AnswerGiven(
            answer_id=f"agent/{store.outside.entropy(12).hex()}",
            asked=case,
            answer=Answer(said.value),
            way=Way.AGENT,
            who=person(person_id),
            note=because(reason),
        )
        result = _asking(store, settings).answer(given)
    console = _console()
    console.print(f"{result.case_id}: {result.counted}. The case is {result.state}.")
    for one in result.effects:
        console.print(f"  {one.replace('_', ' ')}")
    if result.more:
        told = [_plain_purchase(one) for one in result.more]
        _print_purchases(console, "tell the holder", told)
    if result.counted == "later":
        console.print("An answer was there before; this one is noted and changes nothing.")


def close(
    case: _Case,
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Close a question that nobody will answer. Not possible while the card is stopped by it.

    A closed one whose answers contradict is marked as seen to.
    """
    with open_store(database, must_exist=True) as store:
        closed = _asking(store, None).close_unanswered(person(person_id), because(reason), case)
    _console().print(f"{closed.case_id} is closed: {closed.closed_as}.")


def texts(
    settings: Annotated[Path, typer.Option("--settings", help="Settings of messages.")],
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Propose the texts that questions go out with by themselves; another person approves them."""
    from sekisho.app.asking.standing import propose_texts  # noqa: PLC0415 - loads the rulebook

    console = _console()
    with open_store(database) as store:
        made = propose_texts(store, settings, person(person_id), because(reason))
    console.print("Read the texts: sekisho message preview ask_declined, and ask_approved.")
    console.print("Another person now does:")
    for mailing_id, proposal in made.items():
        console.print(
            f"  sekisho proposal approve {proposal.proposal_id} --hash {proposal.payload_hash} "
            "--person ID --reason WHY"
        )
        console.print(f"  sekisho message send {mailing_id} --settings {escape(str(settings))}")


def erase(
    closed_before: Annotated[
        datetime,
        typer.Option("--closed-before", formats=["%Y-%m-%d"], metavar="DATE", help="A day, UTC."),
    ],
    person_id: PersonOption,
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Remove cases closed before a day, with their answers, and empty the messages about them.

    How long cases are kept is for your retention policy to say. Backups have to run out too.
    """
    from sekisho.store.retention import forget_cases  # noqa: PLC0415 - the database library

    with acting(database, person_id, reason) as tx:
        done = forget_cases(tx, closed_before.replace(tzinfo=UTC))
    _console().print(
        f"{done.cases:,} cases removed, {done.recipients:,} messages emptied, "
        f"{done.values:,} notes erased."
    )


def _asking(store: Store, settings: Path | None) -> Any:
    """Asking for a command: without settings it answers, and sends no further question itself."""
    from sekisho.app.asking.asking import Asking  # noqa: PLC0415 - loads the database library
    from sekisho.app.asking.service import open_asking  # noqa: PLC0415
    from sekisho.app.asking.texts import Texts  # noqa: PLC0415
    from sekisho.rulebook.templates import Templates  # noqa: PLC0415
    from sekisho.scoring.asking import AskPolicy  # noqa: PLC0415

    if settings is not None:
        return open_asking(store, settings)
    return Asking(store, AskPolicy(), Texts(Templates([])), b"")


def _everything(store: Store, asked: str) -> dict[str, Any]:
    from sekisho.store import cases  # noqa: PLC0415 - loads the database library

    with store.read() as connection:
        case = cases.find_case(connection, asked)
        told = _plain_case(case, cases.purchases(connection, case.case_id))
        numbers = cases.numbers(connection, case.case_id)
        for one in told["outreach"]:
            one["message"] = numbers.get(one["step"], "")
        told["answers"] = [
            {
                "at": _shown(row["at_us"] // 1_000_000),
                "answer": row["answer"],
                "way": row["way"],
                "who": row["who"],
                "counted": row["result"]["counted"],
                "followed": ", ".join(row["result"]["effects"]),
            }
            for row in cases.answers(connection, case.case_id)
        ]
        told["drafts"] = cases.drafts(connection, case.case_id)
    return told


def _plain_case(case: HolderCase, purchases: list[Purchase]) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "card_ref": case.card_ref,
        "state": case.state.value,
        "closed_as": case.closed_as.value if case.closed_as else None,
        "needs": _needs(case),
        "unsure": case.unsure,
        "contradicted": case.contradicted,
        "opened_at": _shown(case.opened_at),
        "stopped_at": _shown(case.stopped_at),
        "closed_at": _shown(case.closed_at),
        "purchases": [_plain_purchase(one) for one in purchases],
        "outreach": [
            {
                "step": one.step,
                "channel": one.channel.value,
                "state": one.state.value,
                "since": _shown(one.changed_at),
            }
            for one in case.outreach
        ],
    }


def _plain_purchase(one: Purchase) -> dict[str, Any]:
    from sekisho.app.asking.texts import amount_text  # noqa: PLC0415 - loads the rulebook
    from sekisho.rulebook.shop_kinds import kind_of_shop  # noqa: PLC0415

    return {
        "decision_id": one.decision_id,
        "at": _shown(one.authorized_at),
        "shop": one.merchant_name or f"{one.acquirer_id}/{one.merchant_id}",
        "amount": amount_text(one, "en"),
        "amount_minor": one.amount_minor,
        "currency": one.currency,
        "mcc": one.mcc,
        "kind": kind_of_shop(one.mcc, "ja"),
        "country": one.country,
        "declined": one.declined,
        "asked": one.asked,
    }


def _cells(case: HolderCase, first: Purchase) -> tuple[str, ...]:
    state = case.state.value + (f": {case.closed_as}" if case.closed_as else "")
    plain = _plain_purchase(first)
    asked_at = (_shown(case.opened_at) or "")[:16].replace("T", " ")
    return case.case_id, state, plain["shop"], plain["amount"], asked_at, _needs(case)


def _needs(case: HolderCase) -> str:
    """What a person at the desk has to do; empty if nothing."""
    if case.contradicted:
        return "ask again: two answers contradict"
    if case.state == "stopped":
        return "call to confirm: the card is stopped"
    if case.state == "with_agent":
        return "reach the holder"
    calls = [one for one in case.outreach if one.channel == "phone" and not one.ended]
    return "call" if case.state == "open" and calls else ""


def _shown(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    zone = ZoneInfo("Asia/Tokyo")
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).isoformat(timespec="seconds")


def _print_purchases(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["was"] = ("declined" if row["declined"] else "approved") + (
            ", asked about" if row["asked"] else ""
        )
    _print_rows(console, title, rows, ("at", "shop", "kind", "amount", "was"))


def _print_rows(
    console: Console, title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]
) -> None:
    if not rows:
        console.print(f"{title}: none")
        return
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(escape(str(row[name])) for name in columns))
    console.print(table)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    commands = typer.Typer(help="Questions to holders: was that you?")
    commands.command("list")(show_all)
    commands.command("show")(show)
    commands.command("answer")(answer)
    commands.command("close")(close)
    commands.command("erase")(erase)
    commands.command("texts")(texts)
    app.add_typer(commands, name="case")
