"""``POST /v1/fraud-reports``: what turned out to be fraud, many at once, each taken by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from sekisho.domain.authorization import FraudLabel, LabelSource
from sekisho.web.api import problems
from sekisho.web.api.asgi import Answer
from sekisho.web.api.bodies import FraudReportBody, FraudReportsBody, ReportsTaken, ReportTaken
from sekisho.web.api.ports import Purchase, Rooms
from sekisho.web.api.problems import Problem, unreadable
from sekisho.web.api.reading import card_of, seconds
from sekisho.web.api.routes import Call

BODY_MOST: Final = 8 * 1024 * 1024
_REPORTS: Final = msgspec.json.Decoder(FraudReportsBody)
_CANDIDATES_MOST: Final = 10


async def report(rooms: Rooms, call: Call) -> Answer:
    """Take fraud reports. A repeated ``report_id`` changes nothing.

    Everything is read before anything is learned: a body with one wrong field changes nothing.
    """
    try:
        body = _REPORTS.decode(call.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(error) from None
    named = [_named(rooms, one, f"/reports/{row}") for row, one in enumerate(body.reports)]
    taken = []
    for one, purchase in zip(body.reports, named, strict=True):
        if isinstance(purchase, str):
            found: Sequence[str] = (purchase,)
        else:
            found = await rooms.decisions.named(purchase)
        taken.append(_learn(rooms, one, found))
    await rooms.desk.durable()
    counts = Counter(one.outcome for one in taken)
    done = ReportsTaken(counts["learned"], counts["not_found"], counts["ambiguous"], taken)
    return Answer(200, msgspec.json.encode(done))


def _named(rooms: Rooms, one: FraudReportBody, above: str) -> str | Purchase:
    """The decision's id, or the purchase to look for; raises `Problem` that names the field."""
    if one.decision_id is not None:
        return one.decision_id
    if one.authorized_at is None:
        raise Problem(
            problems.INVALID,
            "a report names its purchase by decision_id, or by the card and authorized_at",
            pointer=f"{above}/decision_id",
            todo="Send one of the two",
        )
    return Purchase(
        card_ref=card_of(rooms, one.pan, one.card_ref, above),
        at=seconds(rooms, one.authorized_at, f"{above}/authorized_at"),
        amount_minor=one.amount_minor,
        acquirer_id=one.acquirer_id or "",
        merchant_id=one.merchant_id or "",
    )


def _learn(rooms: Rooms, one: FraudReportBody, found: Sequence[str]) -> ReportTaken:
    if len(found) > 1:
        return ReportTaken(one.report_id, "ambiguous", None, tuple(found[:_CANDIDATES_MOST]))
    now = rooms.clock()
    known_at = now if one.reported_at is None else one.reported_at
    label = FraudLabel(
        label_id=f"report:{one.report_id}",
        decision_id=found[0] if found else "",
        fraud=one.fraud,
        source=LabelSource.REPORT,
        # Nothing can have been learned later than now: a clock that is ahead is not believed.
        known_at=min(seconds(rooms, known_at, "/reported_at"), int(now.timestamp())),
    )
    if found and rooms.desk.learn(label):
        return ReportTaken(one.report_id, "learned", found[0])
    return ReportTaken(one.report_id, "not_found")
