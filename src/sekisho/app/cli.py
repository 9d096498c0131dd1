"""The entry: interrupts and troubles become one clear message and an exit code.

The program itself is loaded inside `main`, because engines take seconds to load and Ctrl-C must
be heard from the first moment.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

from sekisho.domain.errors import Interrupted, SekishoError

_STOPPED = Interrupted("stopped. Nothing was written.")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # The second one would only hit the cleaning up after the first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise _STOPPED


def main() -> None:
    """Run the command line; troubles become one clear message and an exit code."""
    # Typer turns KeyboardInterrupt into exit code 1; ours passes through it.
    signal.signal(signal.SIGINT, _stop)
    try:
        import sekisho  # noqa: PLC0415 - see above
        from sekisho.app.kernel_cache import forget_stale  # noqa: PLC0415
        from sekisho.vault.logs import mask_everything  # noqa: PLC0415

        mask_everything()
        forget_stale(Path(sekisho.__file__).parent)
        from sekisho.app.program import program  # noqa: PLC0415 - see above

        program(sys.argv[1:])()
    except SekishoError as error:
        _tell(error)
        sys.exit(error.exit_code)
    except (RuntimeError, KeyboardInterrupt) as error:
        # An engine that is interrupted in the middle of its work raises an error of its own.
        if isinstance(error, RuntimeError) and signal.getsignal(signal.SIGINT) is _stop:
            raise
        _tell(_STOPPED)
        sys.exit(_STOPPED.exit_code)
    finally:
        # The work is whole or not at all by now; while Python winds up, its own handlers are gone.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _tell(error: SekishoError) -> None:
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.markup import escape  # noqa: PLC0415

    from sekisho.app.error_texts import head, language, told  # noqa: PLC0415

    spoken, console = language(), Console(stderr=True)
    message = escape(told(error.message, spoken))
    console.print(f"[bold red]{head(spoken)}[/] ({error.code}): {message}", soft_wrap=True)
    if error.hint:
        console.print(f"  {escape(told(error.hint, spoken))}", soft_wrap=True)
