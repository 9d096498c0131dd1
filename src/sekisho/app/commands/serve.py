"""``sekisho serve``: decide authorizations as they come, over HTTP and ISO 8583."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from sekisho.app.opening import DatabaseOption, data_folder
from sekisho.domain.errors import BadInput

_PATIENCE_S: Final = 2.0
_HTTP: Final = "127.0.0.1:8080"


def serve(  # noqa: PLR0913, PLR0917 - options of the command line
    http: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help=f"HTTP door; {_HTTP} if no door is named."),
    ] = None,
    iso8583: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="ISO 8583 door over TCP.")
    ] = None,
    database: DatabaseOption = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Journal and state; else in your data folder."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="What sekisho train wrote; else the policy decides alone.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Policy file; else what is in force in the store, or the shipped one."),
    ] = None,
    card_key: Annotated[
        Path | None, typer.Option(help="Card key; else DIR/card.key, made where there is none.")
    ] = None,
    iso8583_settings: Annotated[
        Path | None, typer.Option(help="How ISO 8583 is spoken (TOML); else plain ASCII.")
    ] = None,
    iso8583_ca: Annotated[
        Path | None,
        typer.Option(
            help="ISO 8583 over TLS, to peers with a certificate of this authority (PEM)."
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            envvar="SEKISHO_MESSAGES",
            show_envvar=True,
            help="Settings of messages and of asking; without them holders are not asked.",
        ),
    ] = None,
    sync: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--sync", help="Answers survive the machine's death, not only ours.")
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option(help="TLS: certificate with its chain, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="TLS: the certificate's key, PEM.")] = None,
    timezone: Annotated[
        str, typer.Option(help="Of instants that come without a zone.")
    ] = "Asia/Tokyo",
) -> None:
    """Decide authorizations as they come; ends on Ctrl-C or SIGTERM after what is in flight.

    Whatever was answered survives a crash: start it again with the same --data.
    """
    from sekisho.app.serving_choice import Choice, serve_all  # noqa: PLC0415 - heavy

    if (tls_cert is None) != (tls_key is None):
        raise BadInput("--tls-cert and --tls-key belong together", hint="Give both, or neither.")
    if iso8583_ca is not None and tls_cert is None:
        raise BadInput("--iso8583-ca needs --tls-cert and --tls-key", hint="Give all three.")
    console = Console(highlight=False, markup=False, soft_wrap=True)
    serve_all(
        Choice(
            http=http or (_HTTP if iso8583 is None else None),
            iso8583=iso8583,
            database=database,
            data=data or data_folder() / "engine",
            model=model,
            policy=policy,
            card_key=card_key,
            iso8583_settings=iso8583_settings,
            iso8583_ca=iso8583_ca,
            settings=settings,
            sync=sync,
            tls=(tls_cert, tls_key) if tls_cert and tls_key else None,
            timezone=timezone,
            patience_s=_PATIENCE_S,
        ),
        console.print,
    )


def register(app: typer.Typer) -> None:
    """Join this command to the command line."""
    app.command("serve")(serve)
