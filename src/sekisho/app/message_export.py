"""Letters for a printing house and calls for a desk, taken out of an approved mailing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sekisho.app.message_jobs import Open, Writers, rewritten
from sekisho.app.message_settings import MessageSettings
from sekisho.app.message_writing import as_letter
from sekisho.domain.errors import BadInput, OutputFailed
from sekisho.domain.message import Channel, MessageState
from sekisho.domain.progress import Progress
from sekisho.gateways.outbound.letter import fonts, print_house
from sekisho.gateways.outbound.letter.page import Letter, Window
from sekisho.gateways.outbound.letter.typeset import Typesetter
from sekisho.gateways.outbound.phone.call_list import Call, write_csv, write_page
from sekisho.rulebook.templates import load
from sekisho.rulebook.values import LANGUAGES
from sekisho.store.messages import Change, change, mailing_of, of_channel
from sekisho.store.tables import instant
from sekisho.store.transaction import Store

_PRINTABLE = frozenset({MessageState.APPROVED, MessageState.RENDERED})
WORKER = "system:messages"


def export_letters(
    store: Store, settings: MessageSettings, mailing_id: str, out: Path, progress: Progress
) -> tuple[int, int]:
    """Write the letters that wait; how many, and how many were kept back instead."""
    going, held, planned_us = _taken(store, settings, mailing_id, Channel.LETTER)
    writer = Writers(load(settings.templates)).of(store, mailing_id)
    typesetter = Typesetter(fonts.shipped(), Window(**settings.window))
    progress.step("set", total=len(going))

    def letters() -> Iterator[Letter]:
        for one in going:
            yield as_letter(one.written, one.recipient, writer)
            progress.advance(1)

    if going:
        with _new_folder(out) as folder:
            print_house.write(folder, letters(), typesetter, at=instant(planned_us))
    _note(store, mailing_id, going, held)
    return len(going), len(held)


def export_calls(
    store: Store, settings: MessageSettings, mailing_id: str, out: Path, progress: Progress
) -> tuple[int, int]:
    """Write the calls that wait; how many, and how many were kept back instead."""
    going, held, _ = _taken(store, settings, mailing_id, Channel.PHONE)
    progress.step("write", total=len(going))
    calls = [
        Call(
            number=one.message.number,
            name=one.recipient.name,
            phone=one.recipient.phone,
            language=one.recipient.language,
            script=one.written.outgoing.body,
        )
        for one in going
    ]
    if calls:
        with _new_folder(out) as folder:
            write_csv(folder / "calls.csv", calls)
            for language in LANGUAGES:
                spoken = [call for call in calls if call.language == language]
                if spoken:
                    write_page(folder / f"calls.{language}.html", spoken, language)
    _note(store, mailing_id, going, held)
    return len(going), len(held)


def _taken(
    store: Store, settings: MessageSettings, mailing_id: str, channel: Channel
) -> tuple[list[Open], list[Change], int]:
    """What can be written out, what is held back instead, and when the mailing was planned."""
    with store.read() as connection:
        mailing = mailing_of(connection, mailing_id)
        waiting = [
            one for one in of_channel(connection, mailing_id, channel) if one.state in _PRINTABLE
        ]
    if not mailing.released:
        raise BadInput(
            f"{mailing_id} is not released", hint=f"First: sekisho message send {mailing_id}"
        )
    writer = Writers(load(settings.templates)).of(store, mailing_id)
    made = [rewritten(writer, one) for one in waiting]
    going = [one for one in made if isinstance(one, Open)]
    return going, [one for one in made if isinstance(one, Change)], mailing.planned_us


def _note(store: Store, mailing_id: str, going: Sequence[Open], held: Sequence[Change]) -> None:
    fresh = [one for one in going if one.message.state is MessageState.APPROVED]
    changes = [Change(one.message.message_id, MessageState.RENDERED) for one in fresh]
    if changes or held:
        with store.transaction(WORKER, "written for a printing house or a desk") as tx:
            change(tx, mailing_id, [*changes, *held])


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A folder (mode 0700) that gets its name when the block ends well."""
    if out.exists():
        raise BadInput(f"{out} exists", hint="Name a folder that does not exist yet.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    except OSError as error:
        raise OutputFailed(f"nothing can be written to {out.parent}: {error.strerror}") from None
    try:
        yield part
        for file in part.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        part.rename(out)
    except OSError as error:
        raise OutputFailed(f"{out} could not be written whole: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
