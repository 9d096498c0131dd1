"""Ask the mail server's own log whether it accepted a message that is in doubt.

Three shapes are read, each for the line that is written once a message is the server's own:

- Postfix: ``cleanup[..]: QUEUEID: message-id=<..>`` followed by ``qmgr[..]: QUEUEID: from=``
  (cleanup alone is not enough: a message that is cut off has that line too);
- Exim: ``.. <= sender .. id=..`` (the arrival line);
- sendmail: ``QUEUEID: from=.., msgid=<..>``.

A log that does not cover the time in question would say "not accepted" of everything. So an answer
is only given where the log holds the *anchors*: messages that the same server is known to have
accepted. Without one of them the answer is ``UNKNOWN``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput

_CLEANUP: Final = re.compile(rb"/cleanup\[\d+\]: ([0-9A-Za-z]+): message-id=<?([^>\s]+)>?")
_QMGR: Final = re.compile(rb"/n?qmgr\[\d+\]: ([0-9A-Za-z]+): from=")
_EXIM: Final = re.compile(rb" <= \S+ .*\bid=(\S+)")
_SENDMAIL: Final = re.compile(rb"\bmsgid=<([^>\s]+)>")


class LogAnswer(StrEnum):
    """What the log says of one message."""

    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    UNKNOWN = "unknown"


def accepted_ids(lines: Iterable[bytes], wanted: Collection[str]) -> set[str]:
    """Those of ``wanted`` (Message-IDs without angle brackets) that the log says were accepted.

    A log is read whole for each question, so a line costs a search for its mark, no more.
    """
    names = {one.encode("utf-8") for one in wanted}
    accepted: set[bytes] = set()
    queued: dict[bytes, bytes] = {}
    for line in lines:
        if b"/cleanup[" in line:
            if found := _CLEANUP.search(line):
                queued.pop(found[1], None)  # the server uses its queue's numbers again
                if found[2] in names:
                    queued[found[1]] = found[2]
        elif b"qmgr[" in line:
            found = _QMGR.search(line) if queued else None
            if found and found[1] in queued:
                accepted.add(queued.pop(found[1]))
        elif b"id=" in line:
            found = _EXIM.search(line) or _SENDMAIL.search(line)
            if found and found[1] in names:
                accepted.add(found[1])
    return {one.decode("utf-8") for one in accepted}


def ask(
    logs: Iterable[Path], doubtful: Collection[str], anchors: Collection[str]
) -> dict[str, LogAnswer]:
    """For each Message-ID in ``doubtful`` what the ``logs`` say.

    ``anchors``: Message-IDs known to be accepted at about the same time. Raises ``BadInput`` where
    a log cannot be read.
    """
    wanted = {_bare(one) for one in (*doubtful, *anchors)}
    accepted = accepted_ids(_lines(logs), wanted)
    covered = any(_bare(anchor) in accepted for anchor in anchors)
    absent = LogAnswer.NOT_ACCEPTED if covered else LogAnswer.UNKNOWN
    return {one: LogAnswer.ACCEPTED if _bare(one) in accepted else absent for one in doubtful}


def _lines(logs: Iterable[Path]) -> Iterator[bytes]:
    """The lines of all logs, the oldest file first: a message's lines may stand in two of them."""
    path = Path()
    try:
        for _, path in sorted((path.stat().st_mtime_ns, path) for path in logs):
            with path.open("rb") as lines:
                yield from lines
    except OSError as error:
        name = error.filename or path
        raise BadInput(f"the log {name} cannot be read: {error.strerror}") from None


def _bare(message_id: str) -> str:
    return message_id.strip("<>")
