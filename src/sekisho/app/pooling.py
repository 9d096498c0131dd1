"""Pooling as a service: one issuer's counts into a file, several files into one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sekisho import __version__
from sekisho.app.tracing import TraceOptions, read_inputs
from sekisho.commonpoint.pooled import PooledAnswer, search_pool
from sekisho.commonpoint.pooling import Contribution, PoolQuestion, contribute
from sekisho.commonpoint.search import Limits
from sekisho.domain.errors import BadInput
from sekisho.domain.finding import Funnel, InputFile, Method, Trace
from sekisho.domain.pool import NO_BASIS, PoolHeader
from sekisho.domain.progress import Progress
from sekisho.stats.pooling import add_pools
from sekisho.warehouse.history import DuckHistory
from sekisho.warehouse.intake import InputRequest
from sekisho.warehouse.pool_file import read_pool, write_pool

EXPORT_STEPS = {"count": "counting every merchant", "write": "writing the pool file"}
MERGE_STEPS = {"read_pools": "reading the pool files", "search": "scanning every merchant"}


@dataclass(frozen=True, slots=True)
class Signature:
    """Who hands out the counts, and on which legal basis."""

    issuer: str
    legal_basis: str = NO_BASIS


@dataclass(frozen=True, slots=True)
class Merged:
    """The answer of a pool, with the headers of its files."""

    trace: Trace
    headers: tuple[PoolHeader, ...]


def export_pool(
    request: InputRequest,
    question: PoolQuestion,
    signature: Signature,
    files: tuple[Path, Path],
    progress: Progress,
) -> tuple[PoolHeader, Contribution]:
    """Count one issuer's inputs and write its pool file.

    ``files`` are the file to write and a folder for scratch. ``question.as_of`` gives way to that
    of the inputs.
    """
    _check_signature(signature)
    out, workdir = files
    inputs = read_inputs(request, TraceOptions(), workdir, progress)
    try:
        if "acquirer_id" not in inputs.columns:
            raise BadInput(
                "The history has no acquirer_id: merchants of two acquirers could be mixed up.",
                hint="Name the column with --columns acquirer_id=NAME.",
            )
        history = DuckHistory(
            inputs.connection, inputs.columns, overlapping=inputs.overlapping,
            identity=inputs.identity,
        )  # fmt: skip
        asked = PoolQuestion(
            inputs.as_of, question.timezone, question.since, question.smallest_cell,
            question.controls,
        )  # fmt: skip
        made = contribute(history, asked, progress)
    finally:
        inputs.connection.close()
    header = PoolHeader(
        issuer=signature.issuer.strip(),
        legal_basis=signature.legal_basis.strip(),
        version=__version__,
        smallest_cell=question.smallest_cell,
        agreement=made.agreement,
        counts=made.counts,
        suppressed=made.suppressed,
    )
    progress.step("write")
    write_pool(out, header, made.pool)
    return header, made


def _check_signature(signature: Signature) -> None:
    for option, text in (("--issuer", signature.issuer), ("--legal-basis", signature.legal_basis)):
        if not text.strip() or not text.isprintable():
            raise BadInput(f"{option}: {text!r} is not a name.", hint="Write it on one line.")


def merge_pools(paths: Sequence[Path], progress: Progress) -> Merged:
    """Add the pools of several issuers and search the sum.

    Raises BadInput where files are broken, disagree, or two are of one issuer.
    """
    progress.step("read_pools")
    read = [(path, *read_pool(path)) for path in paths]
    headers = tuple(header for _, header, _ in read)
    _refuse_disagreement([(path, header) for path, header, _ in read])
    progress.step("search")
    # One order whatever the command line's: sums of integers do not care, lists of inputs do.
    read.sort(key=lambda one: one[1].issuer)
    limits = Limits()
    answer = search_pool(add_pools([pool for _, _, pool in read]), headers[0].agreement, limits)
    inputs = tuple(_input(path, header) for path, header, _ in read)
    trace = _to_trace(answer, [header for _, header, _ in read], inputs, limits)
    return Merged(trace, tuple(header for _, header, _ in read))


def _refuse_disagreement(files: Sequence[tuple[Path, PoolHeader]]) -> None:
    first_path, first = files[0]
    seen: dict[str, Path] = {}
    for path, header in files:
        key = " ".join(header.issuer.split()).casefold()
        if key in seen:
            raise BadInput(
                f"{seen[key].name} and {path.name} are both of {header.issuer}: its cards would "
                "count twice.",
                hint="Give one file for each issuer.",
            )
        seen[key] = path
        for name, option in (
            ("as_of", "--as-of"), ("since", "--since"), ("timezone", "--timezone"),
            ("naming", ""), ("periods", "--since"), ("trailing", "--since"),
        ):  # fmt: skip
            one, other = getattr(first.agreement, name), getattr(header.agreement, name)
            if one != other:
                shown = f": {one} and {other}" if not isinstance(one, tuple) else ""
                raise BadInput(
                    f"{first_path.name} and {path.name} differ in {name}{shown}.",
                    hint=f"Export all of them anew with the same {option}." if option
                    else "All issuers must name merchants in the same way.",
                )  # fmt: skip


def _input(path: Path, header: PoolHeader) -> InputFile:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    notes = [f"legal basis: {header.legal_basis}", f"smallest cell: {header.smallest_cell} cards"]
    notes += [f"{key}: {count}" for key, count in header.suppressed.items()]
    return InputFile(
        "pool", path.name, digest, header.counts["transactions"],
        notes=(f"issuer: {header.issuer}", *notes),
    )  # fmt: skip


def _to_trace(
    answer: PooledAnswer,
    headers: Sequence[PoolHeader],
    inputs: tuple[InputFile, ...],
    limits: Limits,
) -> Trace:
    agreement = headers[0].agreement
    counts = {key: sum(header.counts[key] for header in headers) for key in headers[0].counts}
    # Cards of several findings may be the same ones; counts cannot tell, so this is an upper bound.
    exposed = min(sum(f.cards_exposed for f in answer.findings), counts["cards"])
    defrauded = min(sum(f.cards_defrauded for f in answer.findings), exposed)
    return Trace(
        as_of=agreement.as_of,
        cases=counts["cases"],
        controls=counts["controls"],
        findings=answer.findings,
        suspects=answer.suspects,
        inputs=inputs,
        method=Method(
            version=__version__,
            timezone=agreement.timezone,
            family_wise_error=limits.family_wise_error,
            entities_tested=answer.entities_tested,
            sample_fraction=min(header.counts["sample_percent"] for header in headers) / 100,
            strata=("activity", "tenure"),
            overdispersion=float(answer.chance.misfit**0.5),
            chance_stretch=answer.chance.null.stretch,
            permutations=0,
            permuted_strongest_p=None,
            misuse_periods=tuple(dict.fromkeys(agreement.trailing)),
            passes=0,
            excluded_fraud={},
            bursts=0,
        ),
        funnel=Funnel(counts["cards"], exposed, defrauded, exposed - defrauded),
        history_start=agreement.since,
        history_end=agreement.as_of,
        transactions=max(counts["transactions"], 1),
        limits=("pooled_counts",),
    )
