"""What the page behind a one-time link does: look, or use the link up and stop the card."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from sekisho.app.asking.asking import Asking
from sekisho.app.asking.effects import STATUS
from sekisho.domain.asking import Answer, AnswerGiven, CaseState, Way
from sekisho.store.case_links import spend, token_hash, usable
from sekisho.store.cases import find_case
from sekisho.store.tables import outbox_job
from sekisho.store.transaction import Store
from sekisho.web.holder import Outcome

_PATIENCE_S: Final = 3.0
_LOOK_S: Final = 0.05


class Links:
    """What the holder's page asks; satisfies `sekisho.web.holder.LinkDesk`."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def is_usable(self, token: str) -> bool:
        """Whether the link may be used now, and its case still stands."""
        store = self._asking.store
        with store.read() as connection:
            case_id = usable(connection, token, store.outside.clock())
            if case_id is None:
                return False
            return find_case(connection, case_id).state is not CaseState.CLOSED

    def say_not_me(self, token: str) -> Outcome:
        """Use the link up and stop the card, in one transaction."""
        with self._asking.store.transaction("system:link", "not me, by one-time link") as tx:
            case_id = spend(tx, token)
            if case_id is None:
                return Outcome.NOT_USABLE
            given = AnswerGiven(
                answer_id=f"link/{token_hash(token)[:32]}",
                asked=case_id,
                answer=Answer.NOT_MINE,
                way=Way.LINK,
                who="system:link",
            )
            result = self._asking.answer_in(tx, given)
        self._asking.wake()
        if result.state is CaseState.CLOSED:
            return Outcome.NOT_USABLE
        return Outcome.STOPPED if self._is_done(result.case_id) else Outcome.TAKEN

    def _is_done(self, case_id: str) -> bool:
        """Whether the engine has stopped the card; given a moment, so that the page can say so."""
        store, waited = self._asking.store, 0.0
        while not is_done(store, STATUS, f"{case_id}/stop"):
            if waited >= _PATIENCE_S:
                return False
            store.outside.sleep(_LOOK_S)
            waited += _LOOK_S
        return True


def is_done(store: Store, kind: str, key: str) -> bool:
    """Whether the job was done."""
    found = select(outbox_job.c.state).where(outbox_job.c.kind == kind, outbox_job.c.job_key == key)
    with store.read() as connection:
        return connection.execute(found).scalar() == "done"
