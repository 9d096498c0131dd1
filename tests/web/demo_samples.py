"""A replay to render; all names are invented."""

from __future__ import annotations

from datetime import date

from sekisho.web.demo import Milestones, Replay
from sekisho.web.demo.model import Blame, Look, Role, Said, Shop, Standing

SHOPS = (
    Shop("A01/M1", "架空ひなた通販", date(2019, 4, 10), date(2024, 10, 8)),
    Shop("A02/M2", "架空ひなた<b>健康食品</b>", date(2019, 7, 1), date(2021, 6, 30)),
)
FOUND = Said(Standing.FOUND, 2.0e-9, date(2019, 5, 1), date(2024, 3, 1))
SUSPECT = Said(Standing.SUSPECT, 0.02, date(2019, 8, 1), date(2021, 3, 1))
SILENT = Said(Standing.SILENT)


def look(as_of: date, victims: int, said: tuple[Said, ...], wrong: tuple[str, ...] = ()) -> Look:
    blamed = (
        Blame("架空どらいぶ電器店", Role.TEST, 32, 39, 32 / 39, Standing.USED),
        Blame(SHOPS[0].name, Role.LEAK, 44, 631, 44 / 631, said[0].standing),
        *(Blame("架空こもれび書店", Role.INNOCENT, 11, 200, 0.055, Standing.SILENT),) * 9,
    )
    return Look(as_of, victims, said, wrong, blamed, 1_824, 69, 2_527_682)


def replay(*, found: bool = True) -> Replay:
    """Three months; without ``found`` nobody is ever asked about."""
    word = date(2024, 10, 8)
    return Replay(
        shops=SHOPS,
        looks=(
            look(date(2024, 3, 31), 0, (SILENT, SILENT)),
            look(date(2024, 4, 30), 52, (SUSPECT, SILENT)),
            look(date(2024, 5, 31), 97, (FOUND if found else SUSPECT, SUSPECT)),
        ),
        milestones=Milestones(
            date(2024, 4, 1), word, date(2024, 10, 31), date(2024, 11, 4), date(2024, 12, 28)
        ),
        cards=26_545,
        transactions=2_500_000,
        exposed=2_340,
        misused=256,
        misuse_share=0.15,
        floor_cards=10,
        floor_ratio=0.05,
        family_wise_error=0.001,
        seed=1,
        version="0.1.0",
    )
