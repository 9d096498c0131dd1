"""Every route of the door: the only list, which the OpenAPI document is made from."""

from __future__ import annotations

from typing import Final

from sekisho.domain.caller import Scope
from sekisho.web.api import answers, authorizations, bodies, cards, problems, reports
from sekisho.web.api.routes import Route

ROUTES: Final = (
    Route(
        "POST", "/v1/authorizations", authorizations.authorize,
        "Decide one authorization",
        Scope.AUTHORIZE, bodies.DecisionBody, bodies.AuthorizationBody,
        (problems.CONFLICT,),
    ),
    Route(
        "POST", "/v1/reversals", authorizations.reverse,
        "Take an authorization back",
        Scope.AUTHORIZE, bodies.ReversedBody, bodies.ReversalBody,
    ),
    Route(
        "POST", "/v1/fraud-reports", reports.report,
        "Report which purchases were fraud",
        Scope.REPORT, bodies.ReportsTaken, bodies.FraudReportsBody,
        body_most=reports.BODY_MOST,
    ),
    Route(
        "POST", "/v1/answers", answers.answer,
        "Hand in what a signed-in holder answered",
        Scope.ANSWER, bodies.AnswerTaken, bodies.AnswerBody,
        (problems.CONFLICT, problems.NOT_HERE),
    ),
    Route(
        "GET", "/v1/cards/{card_ref}", cards.show,
        "What is done with a card's authorizations",
        Scope.READ, bodies.CardBody, None,
        (problems.NOT_FOUND, problems.INVALID),
    ),
    Route(
        "POST", "/v1/cards/{card_ref}/stop", cards.stop,
        "Stop a card, reversibly",
        Scope.CARDS, bodies.CardChanged, bodies.CardChangeBody,
        (problems.NOT_FOUND,),
    ),
    Route(
        "POST", "/v1/cards/{card_ref}/open", cards.reopen,
        "Open a stopped card",
        Scope.CARDS, bodies.CardChanged, bodies.CardChangeBody,
        (problems.NOT_FOUND, problems.CONFLICT),
    ),
    Route(
        "POST", "/v1/messages/events", answers.event,
        "A provider reports what became of a message",
        None, bodies.EventTaken, "sekisho.delivery/1: docs/reference/messages.md",
        (problems.NO_KEY, problems.NOT_HERE),
    ),
)  # fmt: skip
