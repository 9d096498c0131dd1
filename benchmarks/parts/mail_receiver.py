"""A receiving mail server in a process of its own, which writes down all that it accepts.

``python -m benchmarks.parts.mail_receiver PORT LOG``: two lines for each message, in Postfix's
form, written before the 250 goes out. The recipient stands in the second one.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

_MESSAGE_ID = re.compile(rb"^Message-ID: (\S+)", re.IGNORECASE | re.MULTILINE)


class Receiver:
    """Handler of aiosmtpd."""

    def __init__(self, log: Path) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._count = 0

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Write the message down, then answer."""
        del server, session
        self._count += 1
        found = _MESSAGE_ID.search(envelope.original_content or b"")
        name = found[1].decode("ascii") if found else ""
        line = (
            f"Nov 23 12:00:00 mx postfix/cleanup[1]: Q{self._count}: message-id={name}\n"
            f"Nov 23 12:00:00 mx postfix/qmgr[2]: Q{self._count}: from=<{envelope.mail_from}>, "
            f"to=<{envelope.rcpt_tos[0]}>\n"
        )
        os.write(self._log, line.encode("ascii"))
        return f"250 2.0.0 Ok: queued as Q{self._count}"


async def serve(port: int, log: Path) -> None:
    """Receive until the process is ended."""
    handler = Receiver(log)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mx.example.com", loop=loop), "127.0.0.1", port
    )
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
