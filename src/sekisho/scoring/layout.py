"""Where things lie in the records: one row of 64-bit words for each card and each merchant.

A record of zeros is an empty one, so that freshly mapped memory needs no filling. Times are whole
seconds since 1970 (UTC) and above zero; amounts are integers in minor units below 10**12, which is
what field 4 of ISO 8583 can hold.
"""

from __future__ import annotations

from typing import Final

DAY: Final = 86_400
WINDOWS: Final = (600, 3_600, 21_600, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY)
"""Lengths of a card's sliding windows in seconds, rising; the last one bounds what is kept."""
WINDOW_NAMES: Final = ("10m", "1h", "6h", "1d", "3d", "7d", "14d", "30d")
LONGEST: Final = len(WINDOWS) - 1

MOST_EVENTS: Final = 4_096
"""A flood on one card forgets its oldest events beyond these; bounds memory and time."""
SMALLEST_RING: Final = 8
SIZE_CLASSES: Final = 10  # rings of 8, 16, ... 4096 events

WEEKS: Final = 13
"""Calendar weeks that a card's habit looks back, the current one included."""
WEEK: Final = 7 * DAY
HABIT_MIN: Final = 5
"""Purchases before which a card has no habit."""
LARGE_FACTOR: Final = 3
"""An amount above so many times the habit's mean is marked as large, and cut to it in the habit."""
EXPLAINED_FACTOR: Final = 2
"""A fraud whose amount is above so many times the card's habit says little about the shop."""
SMALL_MINOR: Final = 200
"""Amounts up to this are small: what a thief tries a card with."""
NEWEST_SCANNED: Final = 8
"""How many of the newest events the distinct shops and the test ratio look at."""
HOUR_SLOTS: Final = 8  # of three hours

# Marks of an event; each has 16 bits in a window's word of running counts.
LARGE: Final = 1
SMALL: Final = 2
REMOTE: Final = 4
DECLINED: Final = 8
MARKS: Final = 4

# ---------------------------------------------------------------- a card's words
NEWEST: Final = 0  # latest time seen; 0: never
START: Final = 1  # where the ring lies in the arena
CAPACITY: Final = 2  # of the ring, a power of two; 0: none yet
HEAD: Final = 3  # position after the newest event; positions only grow
TAIL: Final = 4  # + window: position of its oldest event
SUM: Final = 12  # + window: amounts
COUNTS: Final = 20  # + window: marks, 16 bits each
SQUARES: Final = 28  # two words: 128-bit sum of squares over the longest window
NEWEST_WEEK: Final = 30
PURCHASES: Final = 31  # ever
FIRST_AT: Final = 32
HOURS: Final = 33  # + slot of the day: purchases ever
KNOWN_FRAUDS: Final = 41
KNOWN_FRAUD_AT: Final = 42  # time of the latest purchase known to be fraud
ASKED_FRAUDS: Final = 43
ASKED_GENUINE: Final = 44
ASKED_AT: Final = 45
EXPOSURES: Final = 46  # alerts that name this card
EXPOSED_DATA: Final = 47  # bits, see DATA_*
EXPOSED_AT: Final = 48  # latest day on which the card was exposed
EXPOSURE_KNOWN_AT: Final = 49
EXPOSED_UNTIL: Final = 50  # the watch ends
HABIT_COUNT: Final = 51  # of all WEEK_COUNT
HABIT_SUM: Final = 52
WEEK_COUNT: Final = 54  # + week % WEEKS; last, because a purchase needs one of them alone
WEEK_SUM: Final = 67  # + week % WEEKS: amounts, cut at LARGE_FACTOR times the habit
CARD_WORDS: Final = 80

DATA_EXPIRY: Final = 1
DATA_CODE: Final = 2
DATA_HOLDER: Final = 4
DATA_TRACK: Final = 8

# ---------------------------------------------------------------- an event's words
E_WHEN: Final = 0  # time << 24 | country << 8 | entry << 4 | marks
E_AMOUNT: Final = 1
E_KEPT: Final = 2  # the amount as the habit counts it
E_TRANSACTION: Final = 3
EVENT_WORDS: Final = 4
TIME_BITS: Final = 24  # above which a word's time lies
LATEST_TIME: Final = (1 << 39) - 1  # seconds since 1970 that it can hold

# ---------------------------------------------------------------- a merchant's words
DAYS: Final = 32  # daily buckets, at day % DAYS
NEWEST_DAY: Final = 0
M_COUNT_7D: Final = 1  # running sums of the buckets over 7 and 30 days
M_COUNT_30D: Final = 2
M_SUM_30D: Final = 3
M_MARKS_7D: Final = 4
M_LABELS_7D: Final = 5
M_LABELS_30D: Final = 6
M_ASKED_7D: Final = 7
M_ASKED_30D: Final = 8
M_SUMS_END: Final = 9
M_RUN: Final = 9  # two of RUN_WORDS each: all labels, asked labels
RUN_WORDS: Final = 7
RUN: Final = 0  # unexplained frauds that became known since a genuine purchase did
RUN_FROM: Final = 1  # when the first of them happened
LAST_FRAUD: Final = 2  # when the latest known fraud happened
LAST_GENUINE: Final = 3
LIFE: Final = 4  # labels | frauds << 32, ever
KNOWN_AT: Final = 5  # when the latest label became known
RUN_ANY: Final = 6  # as RUN, of all frauds
BUCKET: Final = 24  # + day % DAYS * BUCKET_WORDS: what lies together is read together
BUCKET_WORDS: Final = 5
M_COUNT: Final = 0  # words of a bucket
M_SUM: Final = 1
M_MARKS: Final = 2  # large | small << 32
M_LABELS: Final = 3  # labels | frauds << 21 | unexplained frauds << 42
M_ASKED: Final = 4  # the same, of labels that came from asking
MERCHANT_WORDS: Final = BUCKET + DAYS * BUCKET_WORDS

FIELD: Final = 21
FIELD_MASK: Final = (1 << FIELD) - 1

# ---------------------------------------------------------------- words about the whole state
ARENA_USED: Final = 0
UTC_OFFSET: Final = 1  # seconds to add to get the holders' time
FREE: Final = 2  # + size class: first free ring + 1, 0: none
STATE_WORDS: Final = FREE + SIZE_CLASSES

FIRST_REMOTE: Final = 4
"""Ways of entry from here on (see `messages.Entry`) mean that no card was present."""
