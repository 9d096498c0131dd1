"""The last net: whatever is logged or breaks, no card number stands in it.

Nothing of ours logs a number; a library's message may quote a row. So every log record is masked
when it is made, before any handler, formatter or queue sees it, and so is every traceback that
would be printed. Masks fail closed: any number of twelve digits or more goes.
"""

from __future__ import annotations

import logging
import resource
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from sekisho.vault.pan import redact


def mask_everything() -> None:
    """From now on log records and unhandled exceptions of this process are masked.

    Nor does it leave a core file, in which all its memory would stand. Calling it again changes
    nothing.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    made = logging.getLogRecordFactory()
    if not isinstance(made, MaskedRecords):
        logging.setLogRecordFactory(MaskedRecords(made))
    # Whoever put a hook of their own there (a test runner, a service) answers for it.
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _print_masked
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda hit: _print_masked(
            hit.exc_type, hit.exc_value or hit.exc_type(), hit.exc_traceback
        )
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = lambda hit: _print_masked(
            hit.exc_type, hit.exc_value or hit.exc_type(), hit.exc_traceback
        )


class MaskedRecords:
    """A log record factory: makes records as ``made`` does, and masks what they say."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Return a record whose message has no arguments left and no number in it."""
        record: logging.LogRecord = self._made(*args, **kwargs)
        try:
            message = record.getMessage()
        except Exception:  # whatever an argument's own __str__ does
            message = f"a message that cannot be formatted ({record.pathname}:{record.lineno})"
        record.msg, record.args = redact(message), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = masked_traceback(*record.exc_info)
            record.exc_info = None
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return record


def masked_traceback(
    kind: type[BaseException] | None,
    error: BaseException | None,
    where: TracebackType | None,
) -> str:
    """Return the traceback as text with every long number masked."""
    return redact("".join(traceback.format_exception(kind, error, where)).rstrip("\n"))


def _print_masked(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:
    sys.stderr.write(masked_traceback(kind, error, where) + "\n")
