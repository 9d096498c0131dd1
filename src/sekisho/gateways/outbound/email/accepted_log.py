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
from collections.abc import Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final

from sekisho.domain.errors import BadInput

_CLEANUP: Final = re.compile(r"/cleanup\[\d+\]: ([0-9A-Za-z]+): message-id=<?([^>\s]+)>?")
_QMGR: Final = re.compile(r"/n?qmgr\[\d+\]: ([0-9A-Za-z]+): from=")
_EXIM: Final = re.compile(r" <= \S+ .*\bid=(\S+)")
_SENDMAIL: Final = re.compile(r"\bmsgid=<([^>\s]+)>")


class LogAnswer(StrEnum):
    """What the log says of one message."""

    ACCEPTED = "accepted"
    NOT_ACCEPTED = "not_accepted"
    UNKNOWN = "unknown"


def accepted_ids(lines: Iterable[str]) -> set[str]:
    """The Message-IDs (without angle brackets) that the log says were accepted."""
    accepted: set[str] = set()
    queued: dict[str, str] = {}
    for line in lines:
        if found := _CLEANUP.search(line):
            queued[found[1]] = found[2]
        elif found := _QMGR.search(line):
            if found[1] in queued:
                accepted.add(queued.pop(found[1]))
        elif found := _EXIM.search(line) or _SENDMAIL.search(line):
            accepted.add(found[1])
    return accepted


def ask(
    logs: Iterable[Path], doubtful: Collection[str], anchors: Collection[str]
) -> dict[str, LogAnswer]:
    """For each Message-ID in ``doubtful`` what the ``logs`` say.

    ``anchors``: Message-IDs known to be accepted at about the same time. Raises ``BadInput`` where
    a log cannot be read.
    """
    accepted: set[str] = set()
    for path in logs:
        try:
            with path.open(encoding="utf-8", errors="replace") as lines:
                accepted |= accepted_ids(lines)
        except OSError as error:
            raise BadInput(f"the log {path} cannot be read: {error.strerror}") from None
    covered = any(_bare(anchor) in accepted for anchor in anchors)
    absent = LogAnswer.NOT_ACCEPTED if covered else LogAnswer.UNKNOWN
    return {one: LogAnswer.ACCEPTED if _bare(one) in accepted else absent for one in doubtful}


def _bare(message_id: str) -> str:
    return message_id.strip("<>")
