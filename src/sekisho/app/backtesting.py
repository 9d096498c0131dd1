"""A back-test as a service: a history, a model and a policy in; what they would have done out."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sekisho import __version__
from sekisho.app.output import OutputFolder
from sekisho.app.scoring_history import ScoringHistory, read_history
from sekisho.app.training import read_model
from sekisho.domain.authorization import CardExposure
from sekisho.domain.errors import BadInput, NothingToDo
from sekisho.domain.progress import Progress
from sekisho.scoring import backtest, replay
from sekisho.scoring.backtest import Decisions, Judged
from sekisho.scoring.codes import country_number
from sekisho.scoring.forest import Forest, margins
from sekisho.scoring.layout import DAY
from sekisho.scoring.metrics import CardDays, average_precision, card_precision, roc_auc
from sekisho.scoring.policy import CompiledPolicy, Policy
from sekisho.scoring.policy_file import PolicyFile, differences
from sekisho.scoring.slots import WIDTH
from sekisho.scoring.state import new_state
from sekisho.scoring.trade import curve
from sekisho.warehouse.intake import InputRequest

SCHEMA: Final = "sekisho.backtest/1"
RATES: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """A model and what it is told by; ``tested_from``: its training saw nothing from that day on.

    Days count from 1970-01-01; None where the model's folder does not say.
    """

    forest: Forest
    name: str
    sha256: str
    tested_from: int | None


@dataclass(frozen=True, slots=True)
class Side:
    """A policy with the model that it judges the scores of."""

    policy: PolicyFile
    model: Model


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """What is to be tried on what. ``champion`` None: compared with approving everything.

    ``first``: the day from which purchases are judged; None: where the models' test begins.
    ``alert_cost``: minor units, for the cost curve; ``k``: cards for the card precision.
    """

    files: InputRequest
    candidate: Side
    champion: Side | None = None
    watched: Sequence[CardExposure] = ()
    first: date | None = None
    label_delay: int = 7
    alert_cost: int = 500
    k: int = 100
    memory_limit: str = "1GB"


@dataclass(frozen=True, slots=True)
class Told:
    """What one side said of the judged purchases."""

    score: Floats
    decisions: Decisions


def read_side_model(path: Path) -> Model:
    """The model of a folder that `sekisho train` wrote."""
    forest = read_model(path)
    file = path / "model.json" if path.is_dir() else path
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    try:
        told = json.loads((file.parent / "metrics.json").read_text(encoding="utf-8"))
        tested_from = int(told["test"]["first"])
    except (OSError, ValueError, KeyError, TypeError):
        tested_from = None
    return Model(forest, file.parent.name, digest, tested_from)


def run_backtest(request: BacktestRequest, progress: Progress) -> dict[str, Any]:
    """Read the history, play it, judge it; the document of backtest.json."""
    progress.step("read")
    with tempfile.TemporaryDirectory(prefix="sekisho-") as work:
        history = read_history(request.files, Path(work), request.memory_limit, progress)
    rows, first = _judged_rows(history, request)
    sides = [request.candidate, *([request.champion] if request.champion else [])]
    told = _play(history, request, sides, rows, progress)
    of = history.of
    judged = Judged(of.at[rows:], of.card[rows:], of.amount[rows:], history.fraud[rows:])
    progress.step("sums")
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "version": __version__,
        "files": [{"name": name, "sha256": digest} for name, digest in history.files],
        "span": _span(judged, request, first),
        "watched_cards": len({one.card_ref for one in request.watched}),
        "notes": _notes(request, first),
        "candidate": _side(request, request.candidate, judged, told[0]),
        "champion": None,
        "versus": None,
        "changes": [],
    }
    if request.champion is not None:
        before, after = request.champion.policy.policy, request.candidate.policy.policy
        document["champion"] = _side(request, request.champion, judged, told[1])
        change = backtest.versus(judged, told[1].decisions, told[0].decisions)
        document["versus"] = asdict(change)
        document["changes"] = [asdict(one) for one in differences(before, after)]
    return document


def write_backtest(out: Path, document: Mapping[str, Any]) -> None:
    """backtest.json and backtest.html into a folder, whole or not at all."""
    from sekisho.web.backtest import render_backtest  # noqa: PLC0415 - only where pages are made

    with OutputFolder(out) as folder:
        (folder / "backtest.json").write_text(text_of(document), encoding="utf-8")
        (folder / "backtest.html").write_text(render_backtest(document), encoding="utf-8")


def text_of(document: Mapping[str, Any]) -> str:
    """The document as it is written."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_backtest(path: Path) -> dict[str, Any]:
    """The document of a folder or file; BadInput where it is none."""
    file = path / "backtest.json" if path.is_dir() else path
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{file.name} is no back-test.", hint="sekisho backtest writes it."
        ) from error
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        raise BadInput(f"{file.name} is no back-test.", hint="sekisho backtest writes it.")
    return told


def _judged_rows(history: ScoringHistory, request: BacktestRequest) -> tuple[int, int]:
    """The first row that is judged, and its day."""
    if not history.of.at.size:
        raise NothingToDo("there are no purchases.", hint="Hand in a history.")
    known = [
        side.model.tested_from for side in (request.candidate, request.champion)
        if side is not None and side.model.tested_from is not None
    ]  # fmt: skip
    first = int(history.of.at[0] // DAY)
    if request.first is not None:
        first = max(first, (request.first - date(1970, 1, 1)).days)
    elif known:
        first = max(first, *known)
    row = int(np.searchsorted(history.of.at, first * DAY))
    if row == history.of.at.size:
        raise NothingToDo(
            f"no purchase is on or after {_day(first)}.", hint="Choose an earlier day: --from"
        )
    return row, first


def _play(
    history: ScoringHistory,
    request: BacktestRequest,
    sides: Sequence[Side],
    rows: int,
    progress: Progress,
) -> list[Told]:
    """Features once, then what each side says of them."""
    of = history.of
    progress.step("play", total=float(of.at.size))
    labels = replay.labels_of(of, history.fraud, request.label_delay, history.reported_at)
    state = new_state(history.cards, history.merchants, events=of.at.size // 2)
    compiled = [CompiledPolicy(side.policy.policy) for side in sides]
    books = [Lists(one.policy.policy, history, request.files.timezone) for one in sides]
    parts: list[list[Decisions]] = [[] for _ in sides]
    scores: list[list[Floats]] = [[] for _ in sides]
    watched = _exposures(request.watched, history, request.files.timezone)
    for first, last, vectors in replay.play(state, of, labels, watched):
        progress.advance(float(last - first))
        begin = max(first, rows)
        if begin >= last:
            continue
        chosen = np.ascontiguousarray(vectors[begin - first :])
        for k, side in enumerate(sides):
            score = probabilities(side.model.forest, chosen)
            listed = books[k].listed(begin, last)
            amount = of.amount[begin:last]
            parts[k].append(backtest.decide_all(compiled[k], chosen, score, amount, listed))
            scores[k].append(score)
    return [
        Told(np.concatenate(score), backtest.joined(part))
        for score, part in zip(scores, parts, strict=True)
    ]


def probabilities(forest: Forest, vectors: NDArray[np.float32]) -> Floats:
    """The score of each row of features."""
    if vectors.shape[1] != WIDTH:
        raise ValueError("features of another version")
    told = np.empty(len(vectors))
    margins(forest, vectors, told)
    return np.asarray(1.0 / (1.0 + np.exp(-told)))


class Lists:
    """Which of a policy's lists hold the card, merchant or country of each row of a history."""

    def __init__(self, policy: Policy, history: ScoringHistory, timezone: str) -> None:
        self._of = history.of
        names = {"card": history.card_refs, "merchant": history.merchant_keys}
        self._until: list[tuple[NDArray[Any], NDArray[np.int64]]] = []
        for one in policy.lists:
            ends = {
                entry.value: 1 << 62 if entry.until is None else _local(entry.until, timezone)
                for entry in one.entries
            }
            if one.of == "country":
                coded = {country_number(value): end for value, end in ends.items()}
                table = np.array([coded.get(k, -1) for k in range(1 << 15)], np.int64)
                self._until.append((history.of.country, table))
                continue
            table = np.array([ends.get(name, -1) for name in names[one.of]], np.int64)
            column = history.of.card if one.of == "card" else history.of.merchant
            self._until.append((column, table))

    def listed(self, first: int, last: int) -> NDArray[np.uint8] | None:
        """(rows, lists) of 0 and 1 for some rows; None without lists."""
        if not self._until:
            return None
        at = self._of.at[first:last]
        columns = [at < table[column[first:last]] for column, table in self._until]
        return np.column_stack(columns).astype(np.uint8)


def _local(instant: int, timezone: str) -> int:
    """Seconds since 1970 UTC as the wall clock of a zone shows them."""
    moment = datetime.fromtimestamp(instant, tz=UTC).astimezone(ZoneInfo(timezone))
    return int(moment.replace(tzinfo=UTC).timestamp())


def _exposures(
    watched: Sequence[CardExposure], history: ScoringHistory, timezone: str
) -> replay.Exposures:
    """Watched cards that are in the history, in the order in which they became known."""
    number = {ref: k for k, ref in enumerate(history.card_refs)}
    rows = sorted(
        (_local(one.known_at, timezone), number[one.card_ref], _local(one.exposed_at, timezone),
         _local(one.until, timezone), replay.data_bits(one.data_taken))
        for one in watched if one.card_ref in number
    )  # fmt: skip
    if not rows:
        return replay.no_exposures()
    known_at, card, exposed_at, until, data = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    return replay.Exposures(known_at, card.astype(np.int32), exposed_at, until, data)


def _span(of: Judged, request: BacktestRequest, first: int) -> dict[str, Any]:
    last = int(of.at[-1] // DAY)
    return {
        "first": _day(first), "last": _day(last), "days": last - first + 1,
        "label_delay_days": request.label_delay, "currency": request.candidate.policy.currency,
        "alert_cost": request.alert_cost, "k": request.k,
        "labels": "reports" if request.files.fraud else "delay",
    }  # fmt: skip


def _notes(request: BacktestRequest, first: int) -> list[str]:
    """Keys of what flatters or limits the figures; the page says them in words."""
    notes = ["declined_unlabelled"]
    for side, word in ((request.candidate, "candidate"), (request.champion, "champion")):
        if side is None:
            continue
        if side.model.tested_from is None:
            notes.append(f"{word}_training_unknown")
        elif first < side.model.tested_from:
            notes.append(f"{word}_saw_these_days")
    if not request.watched:
        notes.append("no_watch_list")
    return notes


def _side(request: BacktestRequest, side: Side, of: Judged, told: Told) -> dict[str, Any]:
    """All figures of one side."""
    policy, decisions = side.policy, told.decisions
    sums = backtest.sums(of, decisions)
    day = of.at // DAY
    caught = card_precision(CardDays(of.card, day), of.fraud, told.score, request.k)
    return {
        "policy": {
            "version": policy.policy.version, "digest": policy.digest, "watch": policy.watch,
        },
        "model": {"name": side.model.name, "sha256": side.model.sha256},
        "scores": {
            "average_precision": _number(average_precision(of.fraud, told.score)),
            "auc_roc": _number(roc_auc(of.fraud, told.score)),
            "card_precision": _number(float(caught.mean())),
        },
        "sums": asdict(sums),
        "rates": sums.rates,
        "rules": [asdict(one) | _why(policy, one.name)
                  for one in backtest.by_rule(of, decisions, policy.policy)],
        "weeks": _weeks(of, decisions, told.score),
        "curve": _curve(of, told.score, request.alert_cost),
    }  # fmt: skip


def _why(policy: PolicyFile, rule: str) -> dict[str, str]:
    return {"why": policy.why.get(rule, ""), "why_ja": policy.why_ja.get(rule, "")}


def _weeks(of: Judged, told: Decisions, score: Floats) -> list[dict[str, Any]]:
    """The same figures week by week, weeks beginning with the first judged day."""
    day = of.at // DAY
    week = (day - day[0]) // 7
    lines = []
    for number in np.unique(week):
        rows = week == number
        sums = backtest.sums(of, told, rows)
        lines.append(
            {
                "first": _day(int(day[0] + 7 * number)),
                "purchases": sums.purchases, "frauds": sums.frauds, "value": sums.value,
                "average_precision": _number(average_precision(of.fraud[rows], score[rows])),
                **sums.rates,
            }
        )  # fmt: skip
    return lines


def _curve(of: Judged, score: Floats, alert_cost: int) -> list[dict[str, Any]]:
    """What the score alone does at several alert rates, and what that costs."""
    lost = int(of.amount[of.fraud > 0].sum())
    lines = []
    for one in curve(of.fraud, score, of.amount, RATES):
        plain = {name: _number(value) for name, value in asdict(one).items()}
        caught = plain["value_detection"] or 0.0
        alerts = (plain["alert_rate"] or 0.0) * of.at.size
        lines.append(plain | {"cost": round((1 - caught) * lost + alerts * alert_cost)})
    return lines


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _day(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
