"""``sekisho policy``: rules, thresholds and lists as files, tried before they decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sekisho.app.commands.backtest import (
    ColumnsOption,
    CostOption,
    DelayOption,
    ExposedOption,
    FraudOption,
    FromOption,
    ModelOption,
    OutOption,
    Transactions,
    ZoneOption,
    run_and_show,
)
from sekisho.app.opening import (
    DatabaseOption,
    PersonOption,
    ReasonOption,
    acting,
    because,
    open_store,
    person,
)
from sekisho.app.options import column_pairs, day_of

if TYPE_CHECKING:
    from sekisho.scoring.policy_file import PolicyFile

_File = Annotated[Path, typer.Argument(metavar="FILE", help="A policy file (TOML).")]
_Watch = Annotated[Path | None, typer.Option("--watch-table", help="Watch table of your own.")]


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def new(out: Annotated[Path, typer.Argument(metavar="FILE", help="A file to write.")]) -> None:
    """Write the policy that Sekisho starts with, to change it."""
    from sekisho.app.policy_reading import default_text  # noqa: PLC0415
    from sekisho.app.whole_file import whole_text  # noqa: PLC0415

    with whole_text(out) as file:
        file.write(default_text())
    _console().print(f"Wrote {escape(out.name)}. Next: sekisho policy check {escape(str(out))}")


def check(file: _File, watch_table: _Watch = None) -> None:
    """Read a policy and say what is wrong with it, to the character."""
    from sekisho.app.policy_reading import read_policy  # noqa: PLC0415 - heavy

    found = read_policy(file, watch_table)
    policy = found.policy
    _console().print(
        f"{escape(policy.version)} is sound: {len(policy.rules)} rules, "
        f"{sum(rule.shadow for rule in policy.rules)} of them in shadow, "
        f"{len(policy.thresholds)} thresholds, {len(policy.lists)} lists."
    )


def show(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A policy file; else what decides now.")
    ] = None,
    watch_table: _Watch = None,
    database: DatabaseOption = None,
) -> None:
    """Show a policy as a table, rules of the watch list included."""
    found = _given_or_live(file, watch_table, database)
    policy, console = found.policy, _console()
    console.print(f"[bold]{escape(policy.version)}[/] {escape(found.note)}")
    table = Table("rule", "says", "when", "why")
    for rule in policy.rules:
        says = f"{rule.action} (shadow)" if rule.shadow else rule.action.value
        table.add_row(*map(escape, (rule.name, says, rule.when, found.why.get(rule.name, ""))))
    console.print(table)
    if policy.thresholds:
        table = Table(f"amount up to ({found.currency})", "ask from", "decline from")
        for one in policy.thresholds:
            table.add_row(f"{one.up_to:,}", f"{one.ask_from:g}", f"{one.decline_from:g}")
        console.print(table)
    for kept in policy.lists:
        console.print(f"list {escape(kept.name)}, of {kept.of}: {len(kept.entries)} entries")


def diff(
    before: Annotated[Path, typer.Argument(help="A policy file.")],
    after: Annotated[
        Path | None, typer.Argument(help="Another; without it, BEFORE is what decides now.")
    ] = None,
    watch_table: _Watch = None,
    database: DatabaseOption = None,
) -> None:
    """Say rule by rule what changes from one policy to another."""
    from sekisho.app.policy_reading import read_policy  # noqa: PLC0415 - heavy
    from sekisho.scoring.policy_file import differences  # noqa: PLC0415

    if after is None:
        old, new_one = _live(database), read_policy(before, watch_table)
    else:
        old, new_one = read_policy(before, watch_table), read_policy(after, watch_table)
    console = _console()
    console.print(f"from {escape(old.policy.version)} to {escape(new_one.policy.version)}")
    changes = differences(old.policy, new_one.policy)
    for one in changes:
        console.print(f"[bold]{escape(one.where)}[/]")
        if one.before:
            console.print(f"  - {escape(one.before)}")
        if one.after:
            console.print(f"  + {escape(one.after)}")
    if not changes:
        console.print("They decide alike.")


def backtest(  # noqa: PLR0913, PLR0917 - options of the command line
    file: _File,
    transactions: Transactions,
    model: ModelOption,
    out: OutOption,
    person_id: PersonOption,
    reason: Annotated[str, typer.Option(help="Why; goes into the audit log.")] = "back-test",
    fraud: FraudOption = None,
    exposed: ExposedOption = None,
    first: FromOption = None,
    label_delay: DelayOption = 7,
    alert_cost: CostOption = 500,
    columns: ColumnsOption = "",
    timezone: ZoneOption = "Asia/Tokyo",
    watch_table: _Watch = None,
    database: DatabaseOption = None,
) -> None:
    """Try a policy against the one that decides now, and attach the result to its version."""
    from sekisho.app.backtesting import (  # noqa: PLC0415 - heavy
        BacktestRequest,
        Side,
        read_side_model,
    )
    from sekisho.app.exposed_cards import watched_cards  # noqa: PLC0415
    from sekisho.app.policy_reading import read_policy  # noqa: PLC0415
    from sekisho.app.policy_store import attach, keep, policies_in_force  # noqa: PLC0415
    from sekisho.warehouse.intake import InputRequest  # noqa: PLC0415

    found = read_policy(file, watch_table)
    with open_store(database, must_exist=True) as store:
        live = policies_in_force(store).live
    scores = read_side_model(model)
    champion = Side(live, scores) if live else None
    files = InputRequest(
        tuple(transactions), fraud=fraud, columns=column_pairs(columns), timezone=timezone
    )
    request = BacktestRequest(
        files, Side(found, scores), champion, watched_cards(exposed or [], timezone),
        day_of("--from", first), label_delay, alert_cost,
    )  # fmt: skip
    document = run_and_show(request, out)
    with acting(database, person_id, reason) as tx:
        keep(tx, found, watch_table)
        digest = attach(tx, found, document)
    console = _console()
    console.print(f"attached to {escape(found.policy.version)} (SHA-256 {digest[:12]})")
    console.print(f"next: sekisho policy activate {escape(str(file))}")


def activate(
    person_id: PersonOption,
    reason: ReasonOption,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The policy to propose.")
    ] = None,
    proposal: Annotated[
        str | None, typer.Option("--proposal", help="The approved proposal to carry out.")
    ] = None,
    watch_table: _Watch = None,
    database: DatabaseOption = None,
) -> None:
    """Propose that a tried policy decides; after another person approved, carry it out."""
    from sekisho.domain.errors import BadInput  # noqa: PLC0415

    if (file is None) == (proposal is None):
        raise BadInput(
            "either a policy is proposed, or a proposal is carried out.",
            hint="First: policy activate FILE. After approval: policy activate --proposal ID",
        )
    if proposal is not None:
        _carry_out(database, person_id, reason, proposal)
    elif file is not None:
        _propose(database, person_id, reason, (file, watch_table))


def _propose(
    database: str | None, person_id: str, reason: str, files: tuple[Path, Path | None]
) -> None:
    import json  # noqa: PLC0415

    from sekisho.app.policy_reading import read_policy  # noqa: PLC0415 - heavy
    from sekisho.app.policy_store import keep, propose  # noqa: PLC0415
    from sekisho.domain.errors import NotAllowed  # noqa: PLC0415
    from sekisho.store.policies import backtests_of  # noqa: PLC0415

    found = read_policy(*files)
    with acting(database, person_id, reason) as tx:
        keep(tx, found, files[1])
        tried = backtests_of(tx, found.policy.version)
        if not tried:
            raise NotAllowed(
                f"{found.policy.version} was never tried.",
                hint="Try this very version first: sekisho policy backtest",
            )
        digest, text = next(iter(tried.items()))
        made = propose(tx, found, digest, json.loads(text))
    console = _console()
    console.print(f"proposed: {escape(made.subject)} (proposal {made.proposal_id})")
    console.print(f"Another person: sekisho proposal show {made.proposal_id}, then approve it.")
    console.print(f"then: sekisho policy activate --proposal {made.proposal_id}")


def _carry_out(database: str | None, person_id: str, reason: str, proposal: str) -> None:
    from sekisho.store.policies import activate as let_decide  # noqa: PLC0415

    with acting(database, person_id, reason) as tx:
        done = let_decide(tx, proposal)
    _console().print(f"{escape(str(done.policy_id))} decides from now on (no. {done.number}).")


def shadow(
    person_id: PersonOption,
    reason: ReasonOption,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The policy.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Run no shadow.")] = False,  # noqa: FBT002
    watch_table: _Watch = None,
    database: DatabaseOption = None,
) -> None:
    """Let a policy run beside the one that decides: it is noted what it would say."""
    from sekisho.app.policy_reading import read_policy  # noqa: PLC0415 - heavy
    from sekisho.app.policy_store import keep  # noqa: PLC0415
    from sekisho.domain.errors import BadInput  # noqa: PLC0415
    from sekisho.store.policies import set_shadow  # noqa: PLC0415

    if (file is None) != off:
        raise BadInput("name a policy, or say --off.", hint="sekisho policy shadow FILE")
    found = None if file is None else read_policy(file, watch_table)
    with (
        open_store(database, must_exist=True) as store,
        store.transaction(person(person_id), because(reason)) as tx,
    ):
        if found is not None:
            keep(tx, found, watch_table)
        set_shadow(tx, found.policy.version if found else None)
    words = f"{found.policy.version} runs in shadow" if found else "no policy runs in shadow"
    _console().print(f"{escape(words)}.")


def history(database: DatabaseOption = None) -> None:
    """Say who let which policy decide, when, on which back-test."""
    from sekisho.store.policies import backtests_of, in_force, versions  # noqa: PLC0415
    from sekisho.store.policies import history as activations  # noqa: PLC0415

    with open_store(database, must_exist=True) as store, store.read() as connection:
        done = activations(connection)
        now = {role: in_force(connection, role) for role in ("live", "shadow")}
        kept = [(one, len(backtests_of(connection, one.policy_id))) for one in versions(connection)]
    console = _console()
    table = Table("no.", "when", "role", "policy", "by", "back-test", "now")
    for one in done:
        held = now[one.role]
        current = "in force" if held is not None and held.number == one.number else ""
        cells = (
            str(one.number), one.activated_at.isoformat(timespec="minutes"), one.role,
            one.policy_id or "none", one.actor, (one.backtest_sha256 or "")[:12], current,
        )  # fmt: skip
        table.add_row(*map(escape, cells))
    console.print(table if done else "No policy has been activated yet.")
    for version, tried in kept:
        console.print(f"version {escape(version.policy_id)}: {tried} back-tests")


def _given_or_live(file: Path | None, watch_table: Path | None, database: str | None) -> PolicyFile:
    from sekisho.app.policy_reading import read_policy  # noqa: PLC0415 - heavy

    return _live(database) if file is None else read_policy(file, watch_table)


def _live(database: str | None) -> PolicyFile:
    from sekisho.app.policy_store import policies_in_force  # noqa: PLC0415 - heavy
    from sekisho.domain.errors import BadInput  # noqa: PLC0415

    with open_store(database, must_exist=True) as store:
        live = policies_in_force(store).live
    if live is None:
        raise BadInput("no policy decides yet.", hint="Name a policy file.")
    return live


def register(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    policy = typer.Typer(help="What is done with a score: rules, thresholds, lists, with versions.")
    for name, command in (
        ("new", new), ("check", check), ("show", show), ("diff", diff), ("backtest", backtest),
        ("activate", activate), ("shadow", shadow), ("history", history),
    ):  # fmt: skip
        policy.command(name)(command)
    app.add_typer(policy, name="policy")
