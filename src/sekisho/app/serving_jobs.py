"""Jobs that only the process with the engine can do: the watch list, and which policy decides.

They wait in the store while no engine runs, and are done once it does.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from sekisho.app.asking.desk import DeskLine, desk_handlers
from sekisho.app.exposing import HandToEngine
from sekisho.app.live import LiveDesk
from sekisho.app.outboxes import PATIENT, open_outbox
from sekisho.app.policy_reading import shipped_policy
from sekisho.app.policy_store import policies_in_force
from sekisho.domain.authorization import CardExposure, Desk
from sekisho.scoring.policy import CompiledPolicy
from sekisho.scoring.warming import warm
from sekisho.store.exposures import WATCH
from sekisho.store.outbox import Done, Handler, Job, Outcome, Running
from sekisho.store.policies import CHANGED
from sekisho.store.transaction import Store
from sekisho.store.worker import Worker

log = logging.getLogger(__name__)
_AT_ONCE: Final = 50
"""Cards in one call of the engine, which then are flushed together: some milliseconds."""


class LineWatcher:
    """The watch list of the engine behind a line; satisfies `sekisho.app.exposing.Watcher`."""

    def __init__(self, line: DeskLine) -> None:
        self._line = line

    def expose(self, exposures: Sequence[CardExposure]) -> None:
        """Put cards on the watch list, a few at a time: authorizations come in between."""
        for begin in range(0, len(exposures), _AT_ONCE):
            self._line.call(partial(_expose, exposures[begin : begin + _AT_ONCE]))

    def clear(self, alert_id: str) -> int:
        """Take what an alert put there off it."""
        return self._line.call(lambda desk: desk.clear(alert_id))


def _expose(exposures: Sequence[CardExposure], desk: Desk) -> None:
    for one in exposures:
        desk.expose(one)


class ChangePolicy:
    """Runs ``policy.changed``: what is in force in the store decides from now on."""

    def __init__(self, line: DeskLine, live: LiveDesk) -> None:
        self._line = line
        self._live = live

    def handle(self, job: Job, running: Running) -> Outcome:  # noqa: ARG002 - the Protocol's form
        """Compile what is in force, in this thread, and let the engine go over to it."""
        found = policies_in_force(running.store).live or shipped_policy()
        if found.policy.version != self._live.engine.judges.policy.policy.version:
            compiled = CompiledPolicy(found.policy)
            warm(replace(self._live.engine.judges, policy=compiled))
            self._line.call(lambda _: self._live.change_policy(compiled))
            log.warning("policy %s decides from now on", found.policy.version)
        return Done()


class _Named:
    """A policy file was named at the start: what is activated in the store waits."""

    def handle(self, job: Job, running: Running) -> Outcome:  # noqa: ARG002 - the Protocol's form
        """Say so, once for each change."""
        log.warning("a policy was activated, but this service decides by the file of --policy")
        return Done()


@contextmanager
def engine_jobs(
    store: Store, line: DeskLine, live: LiveDesk, *, own_policy: bool, asking: bool
) -> Iterator[None]:
    """Do the engine's jobs in a thread for the length of the block.

    ``own_policy``: a policy file was named. ``asking``: others carry answers to the engine.
    """
    policy: Handler = _Named() if own_policy else ChangePolicy(line, live)
    handlers: Mapping[str, Handler] = {
        WATCH: HandToEngine(LineWatcher(line)),
        CHANGED: policy,
        **({} if asking else desk_handlers(line)),
    }
    worker = Worker(
        store,
        open_outbox(store, PATIENT),
        handlers,
        name=f"engine-{secrets.token_hex(4)}",
        threads=1,
    )
    stop = threading.Event()
    thread = threading.Thread(target=lambda: worker.run(stop), name="sekisho-engine", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
