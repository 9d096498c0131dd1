"""The last net under logs and tracebacks: real handlers, real processes, numbers everywhere."""

from __future__ import annotations

import io
import logging
import logging.handlers
import queue
import subprocess
import sys
from collections.abc import Iterator

import pytest

from invented_cards import complete
from sekisho.vault.logs import mask_everything

CARD = complete("411111" + "234567890")
GROUPED = " ".join(CARD[at : at + 4] for at in range(0, 16, 4))
WIDE = CARD.translate(str.maketrans("0123456789", "０１２３４５６７８９"))


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a plain handler writes while the net is on."""
    factory, hooks = logging.getLogRecordFactory(), (sys.excepthook, sys.unraisablehook)
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("sekisho.test_logs")
    logger.addHandler(handler)
    mask_everything()
    mask_everything()
    yield text
    logger.removeHandler(handler)
    logging.setLogRecordFactory(factory)
    sys.excepthook, sys.unraisablehook = hooks


class Row:
    """Something of a library that shows what it holds."""

    def __str__(self) -> str:
        return f"Row(pan={CARD})"


class Broken:
    def __str__(self) -> str:
        raise ValueError(CARD)


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        (f"read {CARD}", ()),
        ("read %s", (CARD,)),
        ("read %s", (GROUPED,)),
        ("read %s", (WIDE,)),
        ("read %d", (int(CARD),)),
        ("read %r", ([{"pan": CARD}],)),
        ("read %(pan)s", ({"pan": CARD},)),
        ("read %s", (Row(),)),
        ("read %s", (Broken(),)),
        ("read %s %s", (CARD,)),
    ],
)
def test_no_way_of_logging_shows_a_number(
    written: io.StringIO, message: str, arguments: tuple[object, ...]
) -> None:
    logging.getLogger("sekisho.test_logs").warning(message, *arguments)
    assert written.getvalue().startswith("WARNING ")
    assert CARD not in written.getvalue()
    assert GROUPED not in written.getvalue()
    assert WIDE not in written.getvalue()


def test_what_is_no_number_is_logged_as_it_is(written: io.StringIO) -> None:
    logging.getLogger("sekisho.test_logs").warning("read %d rows of %s", 1234567, "架空.csv")
    assert written.getvalue() == "WARNING read 1234567 rows of 架空.csv\n"


def test_a_logged_exception_shows_where_and_not_what(written: io.StringIO) -> None:
    logger = logging.getLogger("sekisho.test_logs")
    try:
        try:
            int(f"{CARD}x")
        except ValueError as inner:
            raise KeyError(CARD) from inner
    except KeyError:
        logger.exception("cannot read %s", CARD, stack_info=True)
    assert "Traceback" in written.getvalue()
    assert "test_logs.py" in written.getvalue()
    assert CARD not in written.getvalue()


def test_a_queue_to_another_process_holds_no_number(written: io.StringIO) -> None:
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    logger = logging.getLogger("sekisho.test_logs")
    handler = logging.handlers.QueueHandler(waiting)
    logger.addHandler(handler)
    try:
        logger.warning("read %s", CARD, extra={})
    finally:
        logger.removeHandler(handler)
    assert CARD not in repr(vars(waiting.get_nowait()))


ENDS = """
import resource, sys, threading
from sekisho.vault.logs import mask_everything
mask_everything()
assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
card = sys.stdin.read()

class Dies:
    def __del__(self):
        raise ValueError(card)

def thread():
    raise ValueError(card)

worker = threading.Thread(target=thread)
worker.start()
worker.join()
dies = Dies()
del dies
raise RuntimeError(f"row {card}") from ValueError(card)
"""


def test_a_process_that_breaks_shows_no_number() -> None:
    command = [sys.executable, "-c", ENDS]
    done = subprocess.run(command, input=CARD, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("ValueError") == 3
    assert "RuntimeError: row ******" in done.stderr
    assert CARD not in done.stderr + done.stdout
