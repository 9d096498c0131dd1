"""Rows obey the life of their card, the sizes of shops, and the shapes of the input files."""

import dataclasses
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from sekisho.domain.errors import BadInput
from sekisho.world import LeakKind, LeakSpec, World, build, timeline, write_large
from sekisho.world.economy import ROLE_TEST, ROLE_TEST_ONLY
from sekisho.world.kernels import DAY, FRAUD_TEST
from small_world import small


def rows(folder: Path, query: str) -> list[tuple]:
    names = ("transactions", "fraud", "merchants", "cards")
    names += ("truth_fraud", "truth_cards", "truth_exposed")
    with duckdb.connect() as database:
        for name in names:
            database.execute(f"create view {name} as from '{folder / name}.parquet'")
        return database.execute(query).fetchall()


def same(a: World, b: World) -> bool:
    columns = [f.name for f in dataclasses.fields(a.transactions)]
    return all(
        np.array_equal(getattr(a.transactions, c), getattr(b.transactions, c)) for c in columns
    ) and all(np.array_equal(x, y) for x, y in zip(a.truth.fraud, b.truth.fraud, strict=True))


def test_same_seed_same_world_whatever_the_threads(world: World) -> None:
    assert same(world, build(small(), 7, threads=1))
    assert same(world, build(small(), 7, threads=3))
    assert not same(world, build(small(), 8))


def test_slices_of_accounts_do_not_change_the_world(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "ACCOUNTS_PER_SLICE", 333)
    again = build(small(), 7, threads=3)
    a, b = world.transactions, again.transactions
    # rows of one second may stand in another order; nothing else may differ
    for columns in ((t.second, t.card, t.merchant, t.amount_minor) for t in (a, b)):
        assert len(columns[0]) == len(a)
    keys = [np.lexsort((t.amount_minor, t.merchant, t.card, t.second)) for t in (a, b)]
    for column in ("second", "card", "merchant", "amount_minor", "message_type", "approved"):
        assert np.array_equal(getattr(a, column)[keys[0]], getattr(b, column)[keys[1]])


def test_streaming_writes_the_same_world(folder: Path, tmp_path: Path) -> None:
    write_large(small(), 7, tmp_path)
    for name in ("fraud", "merchants", "cards", "truth_fraud", "truth_exposed"):
        assert (folder / f"{name}.parquet").read_bytes() == (
            tmp_path / f"{name}.parquet"
        ).read_bytes()
    assert (folder / "truth.json").read_text() == (tmp_path / "truth.json").read_text()
    name = "transactions.parquet"
    assert pq.read_table(folder / name).equals(pq.read_table(tmp_path / name))
    assert not list(tmp_path.glob("*.partial"))


def test_rows_come_in_time_order_with_running_numbers(world: World) -> None:
    t = world.transactions
    assert (np.diff(t.second) >= 0).all()
    assert np.array_equal(t.transaction_id, np.arange(1, len(t) + 1))
    assert t.second[0] >= 0
    assert t.second[-1] < 200 * DAY


def test_no_row_before_opening_or_after_closing(world: World, folder: Path) -> None:
    cards, t = world.truth.cards, world.transactions
    assert (t.second >= cards.opened[t.card]).all()
    assert (t.second < cards.closed[t.card]).all()
    bad = rows(
        folder,
        "select count(*), count(card_ref) from transactions left join cards using (card_ref) "
        "where cards.card_ref is null or authorized_at::date < opened_on "
        "or authorized_at::date > closed_on or authorized_at::date > expires_on",
    )
    assert bad == [(0, 0)]


def test_reported_cards_are_stopped_and_replaced(folder: Path) -> None:
    late = rows(
        folder,
        "select count(*), count(distinct f.card_ref) filter (replaced_by is not null), "
        "count(distinct f.card_ref), count(*) filter (closed_on is null) "
        "from fraud f join cards using (card_ref) where f.fraud_type != 'dispute' "
        "and f.transaction_id in (select transaction_id from truth_fraud where cause != 'dispute')",
    )[0]
    assert late[3] == 0
    assert late[1] > 0.8 * late[2]
    after = rows(
        folder,
        "select count(*) from transactions join (select card_ref, min(reported_at) r "
        "from fraud join truth_fraud using (transaction_id, card_ref, reported_at) "
        "where cause != 'dispute' group by 1) using (card_ref) where authorized_at >= r",
    )
    assert after == [(0,)]
    heirs = rows(
        folder,
        "select count(*) from cards a join cards b on a.replaced_by = b.card_ref "
        "where b.opened_on < a.closed_on or b.product != a.product or b.home_area != a.home_area",
    )
    assert heirs == [(0,)]


def test_fraud_reports_point_at_rows(folder: Path) -> None:
    found = rows(
        folder,
        "select count(*), count(*) filter (authorized_at = fraud_at and approved "
        "and reported_at > fraud_at and message_type = 'authorization') "
        "from fraud join transactions using (transaction_id, card_ref)",
    )[0]
    assert found[0] == found[1] == rows(folder, "select count(*) from fraud")[0][0] > 100
    assert rows(folder, "select max(reported_at) < timestamp '2023-07-20' from fraud") == [(True,)]


COLUMNS = {
    "transactions": "card_ref transaction_id acquirer_id merchant_id terminal_id authorized_at "
    "amount_minor currency mcc entry_mode eci initiator stored_credential approved message_type "
    "country bin security_code_result",
    "fraud": "transaction_id card_ref fraud_at reported_at fraud_type",
    "merchants": "acquirer_id merchant_id name operator_id processor_id valid_from valid_to",
    "cards": "card_ref opened_on closed_on replaced_by expires_on product home_area",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_are_those_of_the_trace(folder: Path, name: str) -> None:
    described = rows(folder, f"describe {name}")
    assert [r[0] for r in described] == COLUMNS[name].split()
    types = {r[0]: r[1] for r in described}
    if name == "transactions":
        assert types["authorized_at"] == "TIMESTAMP"
        assert types["approved"] == "BOOLEAN"


def test_every_kind_of_row_and_cause_occurs(folder: Path) -> None:
    kinds = {r[0] for r in rows(folder, "select distinct message_type from transactions")}
    assert kinds == {"authorization", "reversal", "refund"}
    causes = {r[0] for r in rows(folder, "select distinct cause from truth_fraud")}
    assert causes == {"leak", "phishing", "bin_attack", "lost_stolen", "takeover", "dispute"}
    types = {r[0] for r in rows(folder, "select distinct fraud_type from fraud")}
    assert types == {
        "card_not_present", "counterfeit", "lost_stolen", "account_takeover", "dispute",
    }  # fmt: skip
    declined, retried = rows(
        folder,
        "select count(*), count(b.transaction_id) from transactions a left join transactions b "
        "on a.card_ref = b.card_ref and a.merchant_id = b.merchant_id and b.approved "
        "and b.authorized_at > a.authorized_at "
        "and b.authorized_at <= a.authorized_at + interval 8 minute where not a.approved",
    )[0]
    assert 0.45 < retried / declined < 0.75


def test_refunds_give_back_what_was_paid(folder: Path) -> None:
    loose = rows(
        folder,
        "select count(*) from transactions r where message_type != 'authorization' "
        "and not exists (from transactions p where p.message_type = 'authorization' "
        "and p.card_ref = r.card_ref and p.merchant_id = r.merchant_id "
        "and p.amount_minor = r.amount_minor and p.authorized_at < r.authorized_at)",
    )
    assert loose == [(0,)]


def test_merchant_initiated_charges_are_monthly_and_entered_once(folder: Path) -> None:
    charges, preceded = rows(
        folder,
        "select count(*), count(*) filter (exists (from transactions p "
        "where p.card_ref = m.card_ref and p.merchant_id = m.merchant_id "
        "and p.entry_mode in ('ecommerce', 'on_file') "
        "and p.authorized_at::date = m.authorized_at::date - 30)) "
        "from transactions m where initiator = 'merchant' and authorized_at >= '2023-01-31'",
    )[0]
    assert charges > 1_000
    assert preceded > 0.995 * charges
    without = rows(
        folder,
        "select count(*) from transactions t join cards using (card_ref) "
        "where initiator = 'merchant' and authorized_at < opened_on + interval 30 day",
    )
    assert without == [(0,)]


def test_shop_sizes_follow_zipf() -> None:
    world = build(small(()), 3)
    m = world.truth.economy.merchants
    visits = np.bincount(world.transactions.merchant, minlength=m.weight.size)
    plain = np.flatnonzero(m.online & (m.role == 0) & ~m.standing)
    plain = plain[plain != world.truth.economy.market.partner]
    some = visits[plain] > 0
    x, y = np.log(plain[some] + 1.0), np.log(visits[plain][some])
    slope = np.polyfit(x, y, 1, w=np.sqrt(visits[plain][some]))[0]
    assert -1.2 < slope < -0.8


def test_cobranded_holders_shop_at_the_partner(world: World) -> None:
    economy, t = world.truth.economy, world.transactions
    holder = economy.habits.cobrand[world.truth.cards.account[t.card]]
    at_partner = t.merchant == economy.market.partner
    assert at_partner[holder].mean() > 0.45
    assert at_partner[~holder].mean() < 0.05


def test_stolen_cards_are_tested_first_and_mostly_unreported(world: World, folder: Path) -> None:
    truth = world.truth
    merchants, fraud = truth.economy.merchants, truth.fraud
    tests = fraud.kind == FRAUD_TEST
    shops = merchants.of_role(ROLE_TEST, ROLE_TEST_ONLY)
    assert tests.sum() > 50
    assert np.isin(fraud.merchant[tests], shops).all()
    assert (fraud.reported[tests] < 200 * DAY).mean() < 0.15
    only = np.isin(world.transactions.merchant, merchants.of_role(ROLE_TEST_ONLY))
    stolen = np.isin(world.transactions.transaction_id, truth.fraud_id)
    assert only.sum() > 0
    assert stolen[only].all()
    # after the test comes the spending, minutes to days later
    lag = []
    for k in np.flatnonzero(tests):
        later = fraud.second[(fraud.card == fraud.card[k]) & (fraud.second > fraud.second[k])]
        if later.size:
            lag.append(later.min() - fraud.second[k])
    assert min(lag) >= 300
    assert np.median(lag) < 2 * DAY


def test_bin_attacks_are_bursts_of_neighbours(world: World) -> None:
    fraud, cards = world.truth.fraud, world.truth.cards
    attack = fraud.cause == 2
    pairs = np.stack([fraud.merchant[attack], fraud.second[attack] // DAY])
    _, which, sizes = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    assert sizes.max() >= 8
    account = cards.account[fraud.card[attack]]
    big = account[which.ravel() == sizes.argmax()]
    assert np.unique(world.truth.economy.bin[big]).size <= 4
    assert np.ptp(big) < 40 * 10


def test_sold_shops_have_two_rows(folder: Path) -> None:
    sold = rows(
        folder,
        "select count(*), bool_and(b.valid_from = a.valid_to + 1) from merchants a "
        "join merchants b using (acquirer_id, merchant_id) "
        "where a.valid_to is not null and b.valid_from is not null",
    )[0]
    assert sold[0] > 5
    assert sold[1]


def test_leaks_outside_the_world_are_refused() -> None:
    with pytest.raises(BadInput, match="outside"):
        small((LeakSpec(LeakKind.MERCHANT, ((500, 600),), 0.1),))
    with pytest.raises(BadInput, match="windows"):
        LeakSpec(LeakKind.OPERATOR, ((1, 2), (3, 4)), 0.1, n_members=3)
    with pytest.raises(BadInput, match="not there"):
        build(small((LeakSpec(LeakKind.MERCHANT, ((5, 6),), 0.1, merchants=(999,)),)), 1)
