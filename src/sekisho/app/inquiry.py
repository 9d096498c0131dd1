"""Inquiries in a result folder: the record on disk, the pack as a file, answers taken in."""

from __future__ import annotations

import csv
import difflib
import fcntl
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sekisho.commonpoint.evidence import inquiry_id_of
from sekisho.commonpoint.inquiry import (
    FILE,
    SCHEMA,
    Action,
    Entry,
    Standing,
    Step,
    Subject,
    hash_of,
    line_of,
    read_lines,
    standing_of,
    take,
)
from sekisho.commonpoint.reply import answer_from
from sekisho.domain.errors import BadInput, ClearCardNumbers, OutputFailed
from sekisho.vault.columns import column_holds_card_numbers
from sekisho.vault.pan import mask_embedded
from sekisho.web.report.findings_reader import check_schema

LARGEST_ANSWER: Final = 1 << 20
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)  # the zip format knows no earlier time


@dataclass(frozen=True, slots=True)
class Results:
    """``findings.json`` of a finished trace, and the record of inquiries beside it."""

    folder: Path
    document: Mapping[str, Any]
    sha256: str
    entries: tuple[Entry, ...]

    def finding(self, entity: str) -> Mapping[str, Any]:
        """The finding ``entity`` (an id, or ``kind:id`` where two have the same); else BadInput."""
        found = [one for one in self.document["findings"] if _named(one, entity)]
        if len(found) > 1:
            kinds = ", ".join(f"{one['entity_kind']}:{one['entity_id']}" for one in found)
            raise BadInput(f"--entity {entity} means several findings", hint=f"Say which: {kinds}")
        if found:
            return found[0]  # type: ignore[no-any-return]
        suspects = [one for one in self.document["suspects"] if _named(one, entity)]
        if suspects:
            raise BadInput(
                f"{entity} is a suspect ({suspects[0]['kind']}) and not a finding",
                hint="Only findings are strong enough to ask a merchant about.",
            )
        ids = [one["entity_id"] for one in self.document["findings"]]
        near = difflib.get_close_matches(entity, ids, n=3, cutoff=0.4)
        raise BadInput(
            f"{entity} is not among the {len(ids)} findings of {self.folder.name}",
            hint=f"Did you mean {', '.join(near)}?" if near else "Ids are in findings.json.",
        )

    def subject(self, entity: str) -> Subject:
        """The subject ``entity``, also if only the record still knows it."""
        known = {entry.subject for entry in self.entries}
        named = [one for one in known if entity in (one.entity_id, _both(one))]
        if len(named) == 1:
            return named[0]
        return subject_of(self.finding(entity))

    def standing(self, subject: Subject) -> Standing:
        """Where ``subject`` stands."""
        return standing_of(self.entries, subject)


def subject_of(finding: Mapping[str, Any]) -> Subject:
    """The subject that a finding is."""
    return Subject(finding["entity_kind"], finding["entity_id"])


def _named(finding: Mapping[str, Any], entity: str) -> bool:
    return entity in (finding["entity_id"], _both(subject_of(finding)))


def _both(subject: Subject) -> str:
    return f"{subject.entity_kind}:{subject.entity_id}"


def open_results(folder: Path) -> Results:
    """Read a result folder; raises BadInput if it is none, or its record was tampered with."""
    try:
        raw = (folder / "findings.json").read_bytes()
        document = check_schema(json.loads(raw))
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{folder}: findings.json cannot be read ({type(error).__name__})",
            hint="Name the folder that sekisho trace wrote.",
        ) from None
    return Results(folder, document, hashlib.sha256(raw).hexdigest(), read_lines(_record(folder)))


def _record(folder: Path) -> str:
    try:
        return (folder / FILE).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{folder / FILE} cannot be read ({type(error).__name__})") from None


def add_step(folder: Path, subject: Subject, action: Action) -> Entry:
    """Append a step to the record, durably; raises BadInput if it may not be taken."""
    try:
        with (folder / FILE).open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # two people at the same time: one after the other
            file.seek(0)
            text = file.read().decode("utf-8")
            entry = take(read_lines(text), subject, action)
            lines = text.split("\n")[:-1]
            line = line_of(entry, lines[-1] if lines else None)
            file.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OutputFailed(f"{FILE} could not be written: {error.strerror}") from error
    return entry


def head_of(folder: Path) -> str:
    """SHA-256 of the record's last line: noted elsewhere it proves that none was cut off."""
    lines = _record(folder).split("\n")[:-1]
    return hash_of(lines[-1]) if lines else ""


# ---------------------------------------------------------------- what goes out


def looks_like_card(text: str) -> bool:
    """Whether something in ``text`` could be read as a card number of a known brand."""
    return mask_embedded(text) != text


def refuse_card_numbers(files: Mapping[str, str], allowed: Sequence[str]) -> None:
    """Raise ClearCardNumbers if a file of the pack holds what could be a card number.

    ``allowed`` are ids of merchants, which may look like anything and are named on purpose.
    """
    for name, text in files.items():
        for entity_id in sorted(allowed, key=len, reverse=True):
            text = text.replace(entity_id, "")  # noqa: PLW2901
        if looks_like_card(text):
            raise ClearCardNumbers(
                f"{name} would hold something that can be read as a card number",
                hint="Look at the options that you gave (--reference, --contact, ...).",
            )


def refuse_card_columns(table: Sequence[Sequence[str]], exempt: Sequence[str]) -> None:
    """Raise ClearCardNumbers if a column (header first) is one of card numbers as a whole."""
    header, *rows = table
    for place, name in enumerate(header):
        if name not in exempt and column_holds_card_numbers([row[place] for row in rows]):
            raise ClearCardNumbers(
                f"transactions.csv: the values of {name} are card numbers",
                hint="Replace them first: sekisho import FILES... --card-key KEYFILE --out DIR",
            )


def csv_text(table: Sequence[Sequence[str]]) -> str:
    """A table as CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(table)
    return out.getvalue()


def write_zip(out: Path, top: str, files: Mapping[str, str], at: datetime) -> str:
    """Write ``files`` below the folder ``top``, whole or not at all; returns the SHA-256.

    The same contents and time give the same bytes. Raises OutputFailed, also for a file that
    is there already: a pack may have been sent.
    """
    if out.exists():
        raise OutputFailed(f"{out} exists already", hint="Choose another name for --out.")
    stamp = max(at.timetuple()[:6], _EARLIEST)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(f"{top}/{name}", date_time=stamp)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            archive.writestr(info, text.encode("utf-8"))
    partial = out.with_name(f".{out.name}.partial-{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            file.write(buffer.getvalue())
            file.flush()
            os.fsync(file.fileno())
        partial.rename(out)
    except OSError as error:
        raise OutputFailed(f"{out} could not be written: {error.strerror}") from error
    finally:
        partial.unlink(missing_ok=True)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def pack_details(pack: Path, standing: Standing) -> dict[str, Any]:
    """What the record keeps of a pack that was sent; raises BadInput if it is not that one."""
    try:
        raw = pack.read_bytes()
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            (name,) = [one for one in archive.namelist() if one.endswith("/evidence.json")]
            evidence = json.loads(archive.read(name))
        said, draft = evidence["run"]["finding_sha256"], evidence["draft"]
        fits = evidence["schema"] == SCHEMA
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise BadInput(f"{pack.name} is not an evidence pack ({type(error).__name__})") from None
    if draft or not fits or said != standing.finding:
        why = "a draft" if draft else "not made from the finding that two people accepted"
        raise BadInput(f"{pack.name} is {why}", hint="Make the pack again and send that one.")
    return {"pack": pack.name, "pack_sha256": hashlib.sha256(raw).hexdigest()}


# ---------------------------------------------------------------- what comes back


def read_answer(path: Path, results: Results, subject: Subject) -> dict[str, Any]:
    """Read an answer (JSON, or CSV with the columns key and value) for the record.

    Card numbers in it are masked before anything is kept. Raises BadInput.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST_ANSWER:
        raise BadInput(f"{path.name} is larger than an answer can be (1 MiB)")
    document = _answer_document(path.name, _text(path.name, raw))
    numbers = _inquiry_ids(results.entries, subject)
    given = document.get("inquiry_id")
    number = given if given in numbers else next(reversed(numbers), "")
    filled = answer_from(document, str(number), subject.entity_id)
    masked = {key: _masked(value) for key, value in filled.items()}
    return {
        "inquiry_id": number,
        "file": mask_embedded(path.name),
        "file_sha256": hashlib.sha256(raw).hexdigest(),
        "card_numbers_masked": masked != filled,
        "answer": masked,
    }


def _inquiry_ids(entries: Sequence[Entry], subject: Subject) -> dict[str, None]:
    """Numbers of the inquiries sent about ``subject``, in order."""
    sent = (e for e in entries if e.subject == subject and e.step is Step.SENT)
    return {inquiry_id_of(entry.finding): None for entry in sent}


def _text(name: str, raw: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInput(f"{name} is neither UTF-8 nor cp932", hint="Save it as UTF-8.")


def _answer_document(name: str, text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        rows = [row for row in csv.reader(io.StringIO(text)) if any(row)]
        if not rows or [cell.strip() for cell in rows[0][:2]] != ["key", "value"]:
            raise BadInput(
                f"{name} is neither JSON nor a table with the columns key and value",
                hint="Fill in answer-form.json or answer-form.csv of the pack.",
            )
        return {row[0].strip(): row[1].strip() for row in rows[1:] if len(row) > 1}
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadInput(
            f"{name} is not JSON: {str(error).partition(':')[2] or error}",
            hint="A comma or a quotation mark may be missing there.",
        ) from None
    if not isinstance(document, dict):  # pragma: no cover - it starts with a brace
        raise BadInput(f"{name} is not a JSON object")
    return document


def _masked(value: Any) -> Any:
    return mask_embedded(value) if isinstance(value, str) else value
