"""The API keys as a running service knows them: read again and again, good without the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sekisho.domain.caller import Caller, Scope
from sekisho.store.api_keys import ApiKey, all_keys, matching, note_use
from sekisho.store.transaction import Store

_ANYBODY: Final = Caller("anybody", "anybody on this machine", frozenset(Scope))


class KeyBook:
    """Satisfies `sekisho.web.api.ports.Keys`.

    `refresh` and `note` speak to the database and are called from another thread; while it is away
    the keys that were read last stay good.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime], *, on_loopback: bool) -> None:
        self._store = store
        self._clock = clock
        self._on_loopback = on_loopback
        self._keys: dict[str, ApiKey] = {}
        self._any_ever = False
        self._used: dict[str, datetime] = {}
        self.refresh()

    @property
    def valid(self) -> int:
        """How many keys are valid."""
        return sum(key.state == "active" for key in self._keys.values())

    @property
    def any_ever(self) -> bool:
        """Whether a key was ever made: then nobody is served without one."""
        return self._any_ever

    def refresh(self) -> None:
        """Read the keys again; raises ``StoreUnavailable``, and the old ones stay."""
        with self._store.read() as connection:
            keys = all_keys(connection)
        self._keys = {key.caller.key_id: key for key in keys}
        self._any_ever = bool(keys)

    def note(self) -> None:
        """Write down when keys were used last; raises ``StoreUnavailable``, and nothing is lost."""
        used = dict(self._used)
        if not used:
            return
        note_use(self._store.database, used)
        for key_id, at in used.items():
            if self._used.get(key_id) == at:
                del self._used[key_id]

    def caller(self, token: str) -> Caller | None:
        """Who has this key; None for nobody."""
        key = matching(self._keys, token)
        if key is None:
            return None
        self._used[key.caller.key_id] = self._clock()
        return key.caller

    def open_to_all(self) -> Caller | None:
        """Anybody on this machine, until the first key is made."""
        return _ANYBODY if self._on_loopback and not self._any_ever else None
