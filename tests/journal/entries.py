"""Entries of every kind, as hypothesis makes them."""

from __future__ import annotations

from hypothesis import strategies as st

from sekisho.domain.authorization import (
    AuthorizationRequest,
    CardExposure,
    CardStatus,
    CodeResult,
    Decision,
    DecisionKind,
    FraudLabel,
    LabelSource,
    RequestKind,
    RetryWindow,
    Reversal,
)
from sekisho.domain.ledger import (
    Cleared,
    Decided,
    Exposed,
    Learnt,
    Reversed,
    StatusChanged,
    WindowOpened,
)

TEXT = st.text(max_size=20)
TIME = st.integers(-(2**40), 2**40)
REQUESTS = st.builds(
    AuthorizationRequest, TEXT, TEXT, TEXT, TEXT, TIME, TIME, st.integers(0, 10**15), TEXT,
    kind=st.sampled_from(RequestKind), merchant_name=TEXT, terminal_id=TEXT, mcc=TEXT,
    processing_code=TEXT, entry_mode=TEXT, eci=TEXT, code_result=st.sampled_from(CodeResult),
    expiry_matches=st.sampled_from((None, True, False)), initiator=TEXT, country=TEXT,
    approved=st.sampled_from((None, True, False)),
)  # fmt: skip


def _decided(request: AuthorizationRequest, data: tuple) -> Decided:
    decision_id, kind, ask, reasons, score, at, window = data
    decision = Decision(
        decision_id, request.request_id, kind, ask, tuple(reasons), score, at, "p", "m"
    )
    return Decided(request, decision, at, window)


DECIDED = st.builds(
    _decided,
    REQUESTS,
    st.tuples(
        TEXT, st.sampled_from(DecisionKind), st.booleans(), st.lists(TEXT, max_size=4),
        st.floats(0, 1), TIME, st.booleans(),
    ),
)  # fmt: skip
ENTRIES = st.one_of(
    DECIDED,
    st.builds(
        Reversed,
        st.builds(Reversal, TEXT, TEXT, TEXT, TIME, st.one_of(st.none(), st.integers(0, 10**12))),
        st.one_of(st.none(), DECIDED),
    ),
    st.builds(
        Learnt,
        st.builds(FraudLabel, TEXT, TEXT, st.booleans(), st.sampled_from(LabelSource), TIME),
        DECIDED,
    ),
    st.builds(StatusChanged, TEXT, TEXT, st.sampled_from(CardStatus)),
    st.builds(WindowOpened, TEXT, st.builds(RetryWindow, TEXT, TEXT, TEXT, TIME, TEXT, TIME)),
    st.builds(
        Exposed,
        st.builds(
            CardExposure, TEXT, TEXT, TIME, TIME, TIME, st.lists(TEXT, max_size=3).map(tuple)
        ),
    ),
    st.builds(Cleared, TEXT),
)


def plain(number: int) -> Decided:
    """A small entry of its own."""
    request = AuthorizationRequest(f"r{number}", "c", "a", "m", number, number, 100, "392")
    decision = Decision(f"d{number}", f"r{number}", DecisionKind.APPROVE, False, (), 0.0, number)
    return Decided(request, decision, number)
