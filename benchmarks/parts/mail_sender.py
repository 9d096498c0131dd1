"""The sending half in a process of its own, to be killed: ``... FOLDER MAILING``."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.parts.mailing import open_again
from sekisho.app.message_settings import read_settings
from sekisho.app.message_worker import send_until_done
from sekisho.domain.progress import Silent
from sekisho.store.outbox import RetryPolicy

if __name__ == "__main__":
    place = Path(sys.argv[1])
    store = open_again(place)
    policy = RetryPolicy(attempts=40, first_s=0.2, longest_s=1.0, lease_s=2.0)
    settings = read_settings(place / "messages.toml")
    send_until_done(store, settings, sys.argv[2], Silent(), policy)
    store.database.close()
