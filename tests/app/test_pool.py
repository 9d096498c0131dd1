"""``sekisho pool`` from the outside: files of several issuers, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from commonpoint.test_pooling import slice_of
from commonpoint.tiny import Economy, Leak, card_name, make, shop_name
from sekisho.app.pooling import merge_pools
from sekisho.app.program import program
from sekisho.app.tracing import TraceOptions, run_trace
from sekisho.domain.errors import BadInput, SekishoError
from sekisho.domain.progress import Silent
from sekisho.warehouse.intake import InputRequest
from sekisho.warehouse.pool_file import read_pool, write_pool
from sekisho.world import CardSpec, LeakKind, LeakSpec, MerchantSpec, WorldSpec, build
from sekisho.world.economy import economy_of

ISSUERS = 5
DAYS = ["--as-of", "2024-10-26", "--since", "2024-01-01"]


def call(*words: object) -> str:
    done = CliRunner().invoke(program(), [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def export(economy: Economy, folder: Path, name: str, *more: object) -> Path:
    files = economy.write(folder / name)
    out = folder / f"{name}.pool"
    given = ("--fraud", files.fraud, "--cards", files.cards, *DAYS, *more)
    call("pool", "export", *files.history, "--issuer", f"架空{name}", "--out", out, *given)
    return out


@pytest.fixture(scope="module")
def economy() -> Economy:
    return make(5, cards=1_500, background=0.1, leaks=(Leak(12, 40, 120, 0.35),))


@pytest.fixture(scope="module")
def files(economy: Economy, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pools")
    return [export(slice_of(economy, i), folder, f"issuer{i}") for i in range(ISSUERS)]


def test_the_pool_names_the_leak_and_no_card(
    economy: Economy, files: list[Path], tmp_path: Path
) -> None:
    told = call("pool", "merge", *files, "--out", tmp_path / "pooled", "--language", "ja")
    assert "legal basis: not stated" in told
    found = json.loads((tmp_path / "pooled" / "findings.json").read_text("utf-8"))
    assert [f["entity_id"] for f in found["findings"]] == ["/".join(shop_name(12))]
    [leak] = found["findings"]
    assert leak["cards_defrauded"] >= 30
    assert leak["window_start"] < "2024-03-20" < leak["window_end"]
    assert found["limits"] == ["pooled_counts"]
    assert [f["role"] for f in found["inputs"]] == ["pool"] * ISSUERS
    assert found["cases"] == sum(read_pool(path)[0].counts["cases"] for path in files)
    names = {path.name for path in (tmp_path / "pooled").iterdir()}
    assert {"findings.json", "report.html"} <= names
    assert "exposed_cards.parquet" not in names
    page = (tmp_path / "pooled" / "report.html").read_text("utf-8")
    assert "持ち寄った件数" in page
    assert "/".join(shop_name(12)) in page


def test_no_card_reference_leaves_the_house(economy: Economy, files: list[Path]) -> None:
    cards = [card.encode() for card in {p.card for p in economy.purchases}]
    for path in files:
        with zipfile.ZipFile(path) as archive:
            plain = archive.read("header.json")
            for name in archive.namelist()[1:]:
                table = pq.read_table(io.BytesIO(archive.read(name)))
                kinds = {str(field.type) for field in table.schema if field.name != "entity_id"}
                assert kinds == {"int64"}, name
                plain += "".join(str(table.to_pydict())).encode()
        assert not any(card in plain for card in cards)


def test_any_order_of_files_gives_the_same(files: list[Path]) -> None:
    one, other = merge_pools(files, Silent()), merge_pools(files[::-1], Silent())
    assert one == other


def test_the_same_inputs_give_the_same_bytes(
    economy: Economy, files: list[Path], tmp_path: Path
) -> None:
    again = export(slice_of(economy, 2), tmp_path, "issuer2")
    assert again.read_bytes() == files[2].read_bytes()


def test_a_file_is_read_as_it_was_written(files: list[Path], tmp_path: Path) -> None:
    header, pool = read_pool(files[0])
    write_pool(tmp_path / "copy.pool", header, pool)
    assert (tmp_path / "copy.pool").read_bytes() == files[0].read_bytes()
    assert header.issuer == "架空issuer0"
    assert header.suppressed["case_visits_dropped"] > 0
    assert header.smallest_cell == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("--as-of", "2024-10-20", "--since", "2024-01-01"), "differ in as_of: 2024-10-26 and"),
        (("--as-of", "2024-10-26", "--since", "2024-01-02"), "differ in since"),
        ((*DAYS, "--timezone", "Asia/Seoul"), "differ in timezone"),
    ],
)  # fmt: skip
def test_files_that_disagree_are_refused(
    economy: Economy, files: list[Path], tmp_path: Path, change: tuple[str, ...], why: str
) -> None:
    other = export(slice_of(economy, 1), tmp_path, "other", *change)
    with pytest.raises(BadInput, match=why):
        merge_pools([files[0], other], Silent())


def test_one_issuer_counts_once(files: list[Path], tmp_path: Path) -> None:
    header, pool = read_pool(files[0])
    write_pool(tmp_path / "again.pool", replace(header, issuer=" 架空ISSUER0"), pool)
    with pytest.raises(BadInput, match="count twice"):
        merge_pools([files[0], tmp_path / "again.pool"], Silent())


def test_another_naming_is_refused(files: list[Path], tmp_path: Path) -> None:
    header, pool = read_pool(files[1])
    agreement = replace(header.agreement, naming="merchant tax number")
    write_pool(tmp_path / "named.pool", replace(header, agreement=agreement), pool)
    with pytest.raises(BadInput, match="differ in naming"):
        merge_pools([files[0], tmp_path / "named.pool"], Silent())


def rewritten(
    source: Path, out: Path, part: str, change: Callable[[Any], Any], *, honest: bool = True
) -> Path:
    """A copy with one part changed; an honest one carries the digest of what it holds."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(parts["header.json"])
    if part == "header.json":
        header = change(header)
    else:
        sink = io.BytesIO()
        pq.write_table(change(pq.read_table(io.BytesIO(parts[part]))), sink)
        parts[part] = sink.getvalue()
        if honest:
            header["sha256"][part] = hashlib.sha256(parts[part]).hexdigest()
    parts["header.json"] = json.dumps(header).encode()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out


def with_column(name: str, make_it: Callable[[Any], Any]) -> Callable[[pa.Table], pa.Table]:
    return lambda t: t.set_column(t.column_names.index(name), name, make_it(t[name]))


BROKEN = {
    "small cell": (
        "cases.parquet",
        with_column("count", lambda c: pc.multiply(c, 0)),
        "fewer than 3",
    ),
    "negative": ("reach.parquet", with_column("expected_0", pc.negate), "negative"),
    "no such merchant": (
        "cases.parquet",
        with_column("entity", lambda c: pc.add(c, 10_000)),
        "no merchant",
    ),
    "no such period": (
        "cases.parquet",
        with_column("period", lambda c: pc.add(c, 99)),
        "no misuse period",
    ),
    "no window": (
        "reach.parquet",
        with_column("begin", lambda c: pc.add(c, 1 << 21)),
        "no window",
    ),
    "more new than cards": (
        "cases.parquet",
        with_column("new", lambda c: pc.add(c, 100)),
        "more new cards",
    ),
    "fractions": (
        "reach.parquet",
        with_column("cards", lambda c: c.cast(pa.float64())),
        "64-bit integers",
    ),
    "twice": ("entities.parquet", lambda t: pa.concat_tables([t, t]), "sorted"),
    "control characters": (
        "entities.parquet",
        with_column("entity_id", lambda c: pc.binary_join_element_wise(c, "\x1b[2J", "")),
        "no name",
    ),
    "a column less": ("cases.parquet", lambda t: t.drop_columns(["last"]), "missing"),
    "a period less": ("periods.parquet", lambda t: t.slice(1), "misuse periods"),
    "schema": ("header.json", lambda h: h | {"schema": "sekisho.pool/9"}, "schema"),
    "grid": ("header.json", lambda h: h | {"grid": {"week_days": 1}}, "grid"),
    "no date": ("header.json", lambda h: h | {"as_of": "tomorrow"}, "missing or of another kind"),
    "issuer": ("header.json", lambda h: h | {"issuer": "a\nb"}, "issuer"),
    "counts": ("header.json", lambda h: h | {"counts": {}}, "missing"),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_broken_files_are_refused(files: list[Path], tmp_path: Path, name: str) -> None:
    part, change, why = BROKEN[name]
    broken = rewritten(files[0], tmp_path / "broken.pool", part, change)
    with pytest.raises(BadInput, match=why) as caught:
        read_pool(broken)
    assert "broken.pool" in caught.value.message


def test_damaged_files_are_refused(files: list[Path], tmp_path: Path) -> None:
    content = files[0].read_bytes()
    bad = tmp_path / "bad.pool"
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    for damage in (b"", b"no zip at all", content[: len(content) // 2], bytes(changed)):
        bad.write_bytes(damage)
        with pytest.raises(BadInput, match=r"bad\.pool"):
            read_pool(bad)
    swapped = rewritten(files[0], bad, "cases.parquet", lambda t: t.slice(1), honest=False)
    with pytest.raises(BadInput, match="digest"):
        read_pool(swapped)
    with pytest.raises(BadInput, match="no such file"):
        read_pool(tmp_path / "missing.pool")
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("header.json", "{}")
    with pytest.raises(BadInput, match="does not hold"):
        read_pool(bad)


def test_what_an_export_refuses(economy: Economy, tmp_path: Path) -> None:
    part = make(3, cards=200)
    files = part.write(tmp_path / "in")
    out = tmp_path / "x.pool"
    start = ("pool", "export", *files.history, "--fraud", files.fraud, "--out", out)
    for words, why in (
        (("--issuer", "  "), "--issuer"),
        (("--issuer", "架空", "--since", "soon"), "--since"),
        (("--issuer", "架空", "--as-of", "soon"), "--as-of"),
        (("--issuer", "架空", "--smallest-cell", "2"), "protects nobody"),
    ):
        with pytest.raises(SekishoError, match=why):
            call(*start, *words)
    table = pq.read_table(files.history[0]).drop_columns(["acquirer_id"])
    pq.write_table(table, files.history[0])
    with pytest.raises(BadInput, match="acquirer_id"):
        call(*start, "--issuer", "架空")
    assert not out.exists()


def dealt(spec: WorldSpec, seed: int, folder: Path) -> list[Path]:
    """One world's cards in the hands of five issuers, by a hash of the reference."""
    world = build(spec, seed)
    tables = {
        "transactions": world.transaction_table(),
        "fraud": world.fraud_table(),
        "cards": world.card_table(),
    }
    refs = sorted(set(tables["cards"]["card_ref"].to_pylist()))
    hand = [int(hashlib.sha256(str(ref).encode()).hexdigest(), 16) % ISSUERS for ref in refs]
    folders = []
    for i in range(ISSUERS):
        mine = pa.array([ref for ref, of in zip(refs, hand, strict=True) if of == i])
        folders.append(folder / f"issuer{i}")
        folders[-1].mkdir()
        for name, table in tables.items():
            part = table.filter(pc.is_in(table["card_ref"], value_set=mine))
            pq.write_table(part, folders[-1] / f"{name}.parquet")
    return folders


@pytest.mark.slow
def test_five_issuers_together_find_what_none_finds_alone(tmp_path: Path) -> None:
    leak = LeakSpec(LeakKind.MERCHANT, ((60, 150),), 0.06, size_rank=0.06, lag_days=15.0)
    spec = WorldSpec(
        days=300, merchants=MerchantSpec(count=300), cards=CardSpec(count=9_000), leaks=(leak,)
    )
    last = spec.start + timedelta(days=spec.days - 1)
    pools: dict[int, list[Path]] = {1: [], 3: []}
    for folder in dealt(spec, 7, tmp_path):
        files = {name: folder / f"{name}.parquet" for name in ("transactions", "fraud", "cards")}
        request = InputRequest(
            (files["transactions"],), files["fraud"], cards=files["cards"], as_of=last
        )
        options = TraceOptions(permute=False, lead_times=False)
        alone = run_trace(request, options, folder / "scratch", Silent())
        alone.history.connection.close()
        assert alone.trace.findings == ()
        for smallest, made in pools.items():
            made.append(folder / f"{smallest}.pool")
            call(
                "pool", "export", files["transactions"], "--fraud", files["fraud"],
                "--cards", files["cards"], "--issuer", f"架空カード{folder.name}", "--as-of", last,
                "--since", spec.start, "--smallest-cell", smallest, "--out", made[-1],
            )  # fmt: skip
            assert merge_pools(made[-1:], Silent()).trace.findings == ()
    [exact] = merge_pools(pools[1], Silent()).trace.findings
    [careful] = merge_pools(pools[3], Silent()).trace.findings
    assert exact.entity_id == careful.entity_id == leaking_shop(spec, 7)
    assert exact.p_value < 1e-8 < careful.p_value < 1e-3
    first, last_day = (spec.start + timedelta(days=day) for day in leak.windows[0])
    month = timedelta(days=30)
    assert exact.window_start_interval.lower - month < first < exact.window_start + month
    assert exact.window_end - month < last_day < exact.window_end_interval.upper + month
    assert careful.window_start <= exact.window_start
    assert careful.window_end >= exact.window_end


def leaking_shop(spec: WorldSpec, seed: int) -> str:
    [leak] = build(spec, seed).truth.leaks
    shops = economy_of(spec, seed).merchants
    [member] = leak.merchants
    return f"A{shops.acquirer[member] + 1:02d}/{shops.merchant_id[member]}"


def test_card_names_are_not_names_of_shops() -> None:
    """The guard above looks for these very texts."""
    assert len(card_name(1)) == 12
    assert card_name(1) not in "/".join(shop_name(1))
