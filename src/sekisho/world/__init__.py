"""A seeded economy with leaks, for tests, the demo and benchmarks.

``build`` makes a small world in memory, ``write_large`` a big one straight into files; both
depend on spec and seed alone. ``oracle`` says what somebody who knows the truth could conclude.
"""

from sekisho.world.inject import History, Injected, InjectionPlan, grouped, history_of, inject
from sekisho.world.oracle import Oracle, oracle
from sekisho.world.presets import large, quiet, single_leak, story
from sekisho.world.spec import (
    CardSpec,
    DataTaken,
    LeakKind,
    LeakSpec,
    MerchantSpec,
    NoiseSpec,
    Timing,
    WorldSpec,
)
from sekisho.world.world import World, build, write_large

__all__ = [
    "CardSpec",
    "DataTaken",
    "History",
    "Injected",
    "InjectionPlan",
    "LeakKind",
    "LeakSpec",
    "MerchantSpec",
    "NoiseSpec",
    "Oracle",
    "Timing",
    "World",
    "WorldSpec",
    "build",
    "grouped",
    "history_of",
    "inject",
    "large",
    "oracle",
    "quiet",
    "single_leak",
    "story",
    "write_large",
]
