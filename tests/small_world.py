"""A small world with a leak of every kind and plenty of fraud, for tests."""

from sekisho.world import (
    CardSpec,
    DataTaken,
    LeakKind,
    LeakSpec,
    MerchantSpec,
    NoiseSpec,
    Timing,
    WorldSpec,
)

LEAKS = (
    LeakSpec(LeakKind.MERCHANT, ((20, 90),), 0.3, size_rank=0.03, lag_days=6.0),
    LeakSpec(
        LeakKind.OPERATOR,
        ((10, 60), (30, 120), (50, 52)),
        0.3,
        Timing.BATCHES,
        DataTaken.DATABASE,
        n_members=3,
        size_rank=0.1,
        sold_on=150,
    ),
    LeakSpec(
        LeakKind.PROCESSOR, ((40, 80),), 0.4, Timing.HELD, n_members=20, size_rank=0.3, held_days=40
    ),
    LeakSpec(LeakKind.TERMINAL, ((30, 100),), 0.5, data_taken=DataTaken.TRACK, size_rank=0.02),
)


def small(leaks: tuple[LeakSpec, ...] = LEAKS) -> WorldSpec:
    """A world of 200 days with plenty of fraud."""
    return WorldSpec(
        days=200,
        merchants=MerchantSpec(count=300, home_areas=5, sold_share=0.2),
        cards=CardSpec(count=4_000, per_day=0.25, valid_days=700),
        noise=NoiseSpec(phishing=0.05, bin_attack=0.03, lost_stolen=0.01, takeover=0.01),
        leaks=leaks,
    )
