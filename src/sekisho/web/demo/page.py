"""The demo's page: one self-contained HTML file, English and Japanese in it, no script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from sekisho.web.demo.model import Look, Replay, Said, Shop, Standing
from sekisho.web.demo.texts import TEXTS
from sekisho.web.report.charts import Shade, Span, TimeAxis
from sekisho.web.report.words import Language, Words

MOST_BLAMED: Final = 8
DAYS_IN_MONTH: Final = 30.44


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, and how many days after the card companies' word."""

    day: date
    text: str
    after: int
    ours: bool


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One shop's true window and the one found, on the axis."""

    shop: Shop
    said: Said
    true: Shade | None
    found: Shade | None


@dataclass(frozen=True, slots=True)
class Page:
    """The page in one language."""

    language: Language
    words: Words
    headline: str
    months: int
    events: tuple[Event, ...]
    marks: tuple[tuple[Event, ...], ...]  # of each look: events since the look before
    heights: tuple[float, ...]  # of each look: victims known, in percent of the last
    ratio_look: Look
    windows: tuple[WindowRow, ...]
    axis: TimeAxis

    def text(self, key: str, /, **values: object) -> str:
        """The text of ``key`` with its places filled."""
        return TEXTS[self.language][key].format(**values)

    def month(self, day: date) -> str:
        """The month of a look, short enough for a column."""
        if self.language == "ja":
            return f"{day.month}月"
        return self.words.day_short(day).split()[1]


def render_demo(replay: Replay) -> str:
    """Return the page of a replay: HTML with style and charts inside, no outside address.

    Every number in it comes from ``replay``. Raises ValueError for a replay without a look.
    """
    if not replay.looks:
        raise ValueError("a replay needs at least one look")
    environment = Environment(
        loader=ChoiceLoader([
            PackageLoader("sekisho.web.demo", "templates"),
            PackageLoader("sekisho.web.report", "templates"),
        ]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    pages = [_page(replay, language) for language in ("en", "ja")]
    return environment.get_template("index.html").render(
        replay=replay, pages=pages, most_blamed=MOST_BLAMED, zip=partial(zip, strict=True)
    )


def _page(replay: Replay, language: Language) -> Page:
    words = Words(language)
    events = _events(replay, language)
    top = max(look.victims_known for look in replay.looks) or 1
    first = min(shop.window_start for shop in replay.shops)
    axis = TimeAxis(first.replace(month=1, day=1), replay.looks[-1].as_of)
    longest = max((shop.window_end - shop.window_start).days for shop in replay.shops)
    return Page(
        language=language,
        words=words,
        headline=_headline(replay, words),
        months=round(longest / DAYS_IN_MONTH),
        events=events,
        marks=_marks(replay, events),
        heights=tuple(round(100 * look.victims_known / top, 2) for look in replay.looks),
        ratio_look=replay.first_found or replay.looks[-1],
        windows=tuple(
            WindowRow(
                shop,
                said,
                axis.shade(Span(shop.window_start, shop.window_end, "true")),
                axis.shade(Span(said.window_start, said.window_end, said.standing.value))
                if said.window_start and said.window_end
                else None,
            )
            for shop, said in zip(replay.shops, replay.looks[-1].said, strict=True)
        ),
        axis=axis,
    )


def _headline(replay: Replay, words: Words) -> str:
    told = TEXTS[words.language]
    first = replay.first_found
    if first is None:
        return told["headline.never"]
    days = (replay.milestones.word - first.as_of).days
    names = [
        shop.name
        for shop, said in zip(replay.shops, first.said, strict=True)
        if said.standing is Standing.FOUND
    ]
    shops = words.count("shop", len(names)) if len(names) > 1 else names[0]
    if len(names) == len(replay.shops) > 1:
        shops = told["headline.all"].format(n=len(names))
    return told["headline.before" if days > 0 else "headline.after"].format(
        shops=shops, found=words.day(first.as_of), days=words.count("day", abs(days))
    )


def _events(replay: Replay, language: Language) -> tuple[Event, ...]:
    texts, days = TEXTS[language], replay.milestones
    listed = [
        (days.misuse_begins, texts["event.begins"], False),
        (days.word, texts["event.word"], False),
        (days.holder_called, texts["event.holder"], False),
        (days.first_notice, texts["event.first"], False),
        (days.full_notice, texts["event.full"], False),
    ]
    if replay.first_found and replay.first_found is not replay.all_found:
        listed.append((replay.first_found.as_of, texts["event.found"], True))
    if replay.all_found:
        text = texts["event.all"].format(n=len(replay.shops))
        listed.append((replay.all_found.as_of, text, True))
    listed.sort(key=lambda event: event[0])
    return tuple(Event(day, text, (day - days.word).days, ours) for day, text, ours in listed)


def _marks(replay: Replay, events: tuple[Event, ...]) -> tuple[tuple[Event, ...], ...]:
    """The events between each look and the one before it."""
    starts = [date.min, *(look.as_of for look in replay.looks[:-1])]
    return tuple(
        tuple(event for event in events if start < event.day <= look.as_of)
        for start, look in zip(starts, replay.looks, strict=True)
    )
