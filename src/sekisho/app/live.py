"""The live engine with its journal: what doors, answers and followers of decisions use.

`open_desk` brings back the state of the last run, after a crash too; `LiveDesk` is the whole `Desk`
and `Feed`.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from sekisho.app.model_file import read_model
from sekisho.app.policy_file import read_policy
from sekisho.app.recovery import Snapshooter, recovered
from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    Decision,
    DecisionKind,
    FraudLabel,
    RequestKind,
    RetryWindow,
    Reversal,
    Told,
)
from sekisho.domain.errors import Conflict, SekishoError, StoreFull, StoreUnavailable
from sekisho.domain.ledger import Decided
from sekisho.journal.journal import Journal
from sekisho.scoring.engine import STAND_IN, Engine, Judges
from sekisho.scoring.layout import DAY
from sekisho.scoring.policy import CompiledPolicy
from sekisho.scoring.warming import warm

log = logging.getLogger(__name__)
T = TypeVar("T")
STAND_INS_KEPT: Final = 100_000
TRY_AGAIN: Final = 5
"""Seconds between attempts to bring the state back after it was lost."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What an installation may choose.

    ``stand_in_below``: while the engine cannot decide, amounts (minor units) below this are
    approved and others declined. ``utc_offset``: seconds that turn UTC into the holders' time.
    ``journal_days``: how long answers are kept. ``snapshot_bytes``: least growth of the journal
    between two snapshots; a sixteenth of the state, where that is more.
    """

    stand_in_below: int = 0
    utc_offset: int = 9 * 3_600
    journal_days: int = 400
    snapshot_bytes: int = 64 << 20


class LiveDesk:
    """The engine and its journal in one folder. One thread calls it; see `Desk` and `Feed`."""

    def __init__(
        self,
        data: Path,
        judges: Judges,
        clock: Callable[[], int],
        *,
        sync: bool,
        settings: LiveSettings,
    ) -> None:
        self._data = data
        self._judges = judges
        self._clock = clock
        self._sync = sync
        self._settings = settings
        self._lock = _locked(data)
        self._stand_ins: dict[str, tuple[AuthorizationRequest, Decision]] = {}
        self._stood_in = 0
        self._lost_at: int | None = None
        self._full = False
        self._flushing: asyncio.Task[None] | None = None
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self) -> None:
        self.journal = Journal(self._data / "journal", self._clock())
        try:
            if self.journal.cut is not None:
                cut = self.journal.cut
                log.warning(
                    "the journal's torn tail (%d bytes at %d) was set aside in %s",
                    cut.length, cut.position, cut.kept_in.name,
                )  # fmt: skip
            memory, since = recovered(self._data, self.journal, self._settings.utc_offset)
        except BaseException:
            self.journal.close()
            raise
        self.engine = Engine(memory, self._judges, self.journal, self._clock)
        self._snapshooter = Snapshooter(
            self._data, self.journal, since, self._settings.snapshot_bytes
        )

    # ------------------------------------------------------------ Desk

    def decide(self, request: AuthorizationRequest) -> Decision:
        """Decide a request, or count an advice; the stand-in answers where the engine cannot."""
        if not self._ready():
            return self._stand_in(request)
        try:
            decision = self.engine.decide(request)
        except SekishoError:
            raise
        except Exception as error:  # a purchase gets an answer, whatever happens
            self._lose(error)
            return self._stand_in(request)
        self._after_entry()
        return decision

    def reverse(self, reversal: Reversal) -> bool:
        """Undo an authorization; False if it is not known. StoreUnavailable: not now."""
        return self._written(lambda: self.engine.reverse(reversal))

    def learn(self, label: FraudLabel) -> bool:
        """Learn a label; False if the decision is not known. StoreUnavailable: not now."""
        return self._written(lambda: self.engine.learn(label))

    def set_status(self, change_id: str, card_ref: str, status: CardStatus) -> None:
        """Stop, block or open a card. StoreUnavailable: not now."""
        self._written(lambda: self.engine.set_status(change_id, card_ref, status))

    def open_window(self, change_id: str, window: RetryWindow) -> None:
        """Let one shop charge a card once more. StoreUnavailable: not now."""
        self._written(lambda: self.engine.open_window(change_id, window))

    def expose(self, exposure: CardExposure) -> None:
        """Put a card on the watch list. StoreUnavailable: not now."""
        self._written(lambda: self.engine.expose(exposure))

    def clear(self, alert_id: str) -> int:
        """Take all cards of an alert off the watch list; how many. StoreUnavailable: not now."""
        return self._written(lambda: self.engine.clear(alert_id))

    async def durable(self) -> None:
        """Wait until all calls so far survive the machine's death; at once without ``sync``.

        Calls that wait together share one flush. StoreUnavailable: the disk failed.
        """
        if not self._sync:
            return
        wanted = self.journal.end
        while self.journal.synced < wanted:
            if self._flushing is None:
                self._flushing = asyncio.ensure_future(self._flush())
            await asyncio.shield(self._flushing)

    async def _flush(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(None, self.journal.sync)
        except OSError as error:
            raise StoreUnavailable(
                f"the disk did not keep the journal: {error.strerror}.", hint="Check the disk."
            ) from error
        finally:
            self._flushing = None

    # ------------------------------------------------------------ Feed

    def after(self, cursor: int, most: int) -> list[Told]:
        """At most ``most`` decisions after ``cursor`` (0: from the oldest that is kept).

        Conflict: the cursor lies beyond the journal, as after an older back-up came back.
        """
        if cursor > self.journal.end:
            raise Conflict(
                f"position {cursor} is beyond the end of the journal.",
                hint="Was an older back-up restored? Begin again from 0.",
            )
        told: list[Told] = []
        for _, following, entry in self.journal.entries(cursor):
            if isinstance(entry, Decided):
                told.append(Told(following, entry.request, entry.decision))
                if len(told) >= most:
                    break
        return told

    # ------------------------------------------------------------ when it cannot

    def _written(self, call: Callable[[], T]) -> T:
        if not self._ready():
            raise StoreFull(
                "the engine cannot write now; nothing was changed.",
                hint="Make room on the disk of the data folder, then send it again.",
            )
        try:
            told = call()
        except SekishoError:
            raise
        except Exception as error:
            self._lose(error)
            raise StoreUnavailable(
                "the engine could not write; nothing was changed.", hint="Send it again."
            ) from error
        self._after_entry()
        return told

    def _ready(self) -> bool:
        """Whether an entry can be written now; brings a lost state back where that is due."""
        try:
            if self._lost_at is not None:
                if self._clock() - self._lost_at < TRY_AGAIN:
                    return False
                self._bring_back()
            self.journal.make_room(self._clock())
        except (SekishoError, OSError) as error:
            if not self._full:
                log.warning("the engine stands in: %s", error)
            self._full = True
            return False
        if self._full or self._stand_ins:
            self._admit_stand_ins()
        return self._lost_at is None

    def _stand_in(self, request: AuthorizationRequest) -> Decision:
        """The operator's own choice, remembered as long as there is memory for it."""
        known = self._stand_ins.get(request.request_id)
        if known is not None:
            return replace(known[1], repeated=True)
        before = self.engine.known(request) if self._lost_at is None else None
        if before is not None:
            return before
        self._stood_in += 1
        low = request.amount_minor < self._settings.stand_in_below
        approve = low or request.kind is RequestKind.ADVICE
        decision = Decision(
            decision_id=f"{self.journal.number:06x}s{self._stood_in:011x}",
            request_id=request.request_id,
            kind=DecisionKind.APPROVE if approve else DecisionKind.DECLINE,
            ask=False,
            reasons=(STAND_IN,),
            score=0.0,
            decided_at=self._clock(),
            policy=STAND_IN,
        )
        if len(self._stand_ins) < STAND_INS_KEPT:
            self._stand_ins[request.request_id] = (request, decision)
        return decision

    def _admit_stand_ins(self) -> None:
        """There is room again: what was answered meanwhile is counted and written down."""
        if self._full:
            log.warning("the engine decides again; %d stand-in answers follow",
                        len(self._stand_ins))  # fmt: skip
        self._full = False
        for request_id, (request, decision) in list(self._stand_ins.items()):
            try:
                self.journal.make_room(self._clock())
                self.engine.admit(request, decision)
            except StoreFull:
                return
            except SekishoError:
                log.warning("a stand-in answer cannot be counted: its request is not valid")
            except Exception as error:
                self._lose(error)
                return
            del self._stand_ins[request_id]

    def _lose(self, error: Exception) -> None:
        """The state may be ahead of the journal: it is not used any more."""
        log.error("the engine's state is made anew after %s", type(error).__name__)
        self._lost_at = self._clock()

    def _bring_back(self) -> None:
        self._snapshooter.wait()
        self.journal.close()
        self._lost_at = self._clock()
        self._open()
        self._lost_at = None

    def _after_entry(self) -> None:
        if self._snapshooter.due() and self._snapshooter.begin(self.engine.memory):
            self._forget()

    def begin_snapshot(self) -> None:
        """Begin one now, unless one is being made; otherwise they come by themselves."""
        self._snapshooter.begin(self.engine.memory)

    def wait_for_snapshot(self) -> None:
        """Wait until the one that was begun is whole."""
        self._snapshooter.wait()

    def _forget(self) -> None:
        """Let go of what is older than the installation keeps."""
        limit = self._clock() - self._settings.journal_days * DAY
        gone = self.journal.forget(self._snapshooter.oldest(), limit)
        if gone:
            log.info("%d files of the journal were older than it is kept", gone)

    def close(self) -> None:
        """Write a snapshot, let everything survive the machine, and let go."""
        if self._lock < 0:
            return
        try:
            self._snapshooter.wait()
            if self._lost_at is None:
                try:
                    self._snapshooter.write(self.engine.memory)
                except OSError as error:
                    log.warning("no snapshot was written: %s", error.strerror)
            self.journal.close()
        finally:
            os.close(self._lock)
            self._lock = -1


def open_desk(
    data: Path,
    *,
    clock: Callable[[], int],
    model: Path | None = None,
    policy: Path | None = None,
    sync: bool = False,
    settings: LiveSettings | None = None,
) -> LiveDesk:
    """The engine of a data folder, ready to decide: its state is what its journal says.

    ``model``: what `sekisho train` wrote; without one the policy decides alone. ``policy``: a file,
    or None for the one that Sekisho comes with. ``clock`` gives seconds since 1970 (UTC).
    BadInput: model or policy cannot be used; Conflict: another process has the folder;
    StoreUnavailable: the journal is damaged.
    """
    compiled = CompiledPolicy(read_policy(policy))
    if model is None:
        log.warning("no model was given: policy %s decides alone", compiled.policy.version)
        judges = Judges(compiled)
    else:
        judges = Judges(compiled, read_model(model), _version(model))
    warm(judges)
    return LiveDesk(data, judges, clock, sync=sync, settings=settings or LiveSettings())


def _version(model: Path) -> str:
    file = model / "model.json" if model.is_dir() else model
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _locked(data: Path) -> int:
    """A lock that goes with the process. Conflict where another one has it."""
    data.mkdir(parents=True, exist_ok=True)
    fd = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        raise Conflict(
            f"{data} is in use by another process.",
            hint="One engine has a data folder at a time; stop the other one.",
        ) from error
    return fd
