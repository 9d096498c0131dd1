"""Every error that Sekisho raises on purpose.

The tree, with the exit code that the command line ends with::

    SekishoError                 base: message, what to do, stable code
    |- BadInput            (2)   what was handed in cannot be used as it is
    |  |- MissingColumn          a required column is not there
    |  |- ClearCardNumbers       a column holds clear card numbers
    |  `- NothingToDo            an empty file, no fraud before the as-of date
    |- Conflict            (1)   what was to be written contradicts what is there
    |- Unaudited           (1)   a change without an entry in the audit log: our mistake
    |- NotAllowed          (3)   this person may not do this, or not alone
    |- OutputFailed        (4)   the results could not be written whole
    |- StoreUnavailable    (5)   the database cannot be used now; nothing was changed
    |  `- StoreFull              no room is left where the database lies
    `- Interrupted       (130)   stopped by the user; nothing half written remains

Bad *rows* are not errors: they are kept apart as values (`Rejected`) and counted.
"""

from __future__ import annotations

from dataclasses import dataclass


class SekishoError(Exception):
    """A trouble that a person can act on.

    ``message`` says what is wrong and where (file, row, field); ``hint`` says what to do.
    Neither ever holds a card number.
    """

    code = "sekisho_error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadInput(SekishoError):
    """What was handed in cannot be used as it is."""

    code = "bad_input"
    exit_code = 2


class MissingColumn(BadInput):
    """A required column is not there; the hint offers the nearest name."""

    code = "missing_column"


class ClearCardNumbers(BadInput):
    """A column holds clear card numbers; the hint names the command that replaces them."""

    code = "clear_card_numbers"


class NothingToDo(BadInput):
    """The input is readable but holds nothing to work on."""

    code = "nothing_to_do"


class Conflict(SekishoError):
    """What was to be written contradicts what is there; nothing was changed."""

    code = "conflict"


class Unaudited(SekishoError):
    """A change without an entry in the audit log was taken back: a mistake of the program."""

    code = "unaudited"


class NotAllowed(SekishoError):
    """Not for this person to do, or not alone."""

    code = "not_allowed"
    exit_code = 6


class OutputFailed(SekishoError):
    """The results could not be written whole; nothing was left behind."""

    code = "output_failed"
    exit_code = 4


class StoreUnavailable(SekishoError):
    """The database cannot be used now; nothing was changed, and trying again may help."""

    code = "store_unavailable"
    exit_code = 5


class StoreFull(StoreUnavailable):
    """No room is left where the database lies; nothing was changed."""

    code = "store_full"


class Interrupted(SekishoError):
    """Stopped by the user; nothing half written remains."""

    code = "interrupted"
    exit_code = 130


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that could not be read: kept apart and counted, never dropped.

    ``row`` counts from 1 and includes the header line where there is one.
    """

    file: str
    row: int
    field: str
    reason: str
