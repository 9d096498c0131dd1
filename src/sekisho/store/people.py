"""People, their roles, and what these permit. Roles are data: ``roles.toml``.

The first person to be added becomes administrator, because nobody could add them otherwise. The
last administrator cannot leave. A person's name can be erased; the id stays in the log, so
choose ids that are not names.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from sekisho.domain.errors import BadInput, NotAllowed
from sekisho.store.tables import person, person_role
from sekisho.store.transaction import Transaction

ADMINISTRATOR: Final = "administrator"
_PERSON_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}")


@dataclass(frozen=True, slots=True)
class Role:
    """A role and what it permits."""

    name: str
    description: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may act; ``state`` is ``active`` or ``left``."""

    person_id: str
    name: str
    state: str
    roles: tuple[str, ...]


@cache
def roles() -> Mapping[str, Role]:
    """Every role by its name."""
    text = files("sekisho.store").joinpath("roles.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["roles"]
    return {
        name: Role(name, one["description"], frozenset(one["permissions"]))
        for name, one in found.items()
    }


def people(connection: Connection) -> list[Person]:
    """Everybody, by id."""
    given: dict[str, list[str]] = {}
    for row in connection.execute(select(person_role).order_by(person_role.c.role)):
        given.setdefault(row.person_id, []).append(row.role)
    found = connection.execute(select(person).order_by(person.c.person_id))
    return [
        Person(row.person_id, row.name, row.state, tuple(given.get(row.person_id, ())))
        for row in found
    ]


def permissions_of(tx: Transaction, person_id: str) -> frozenset[str]:
    """What an active person may do."""
    held = tx.execute(
        select(person_role.c.role)
        .join(person, person.c.person_id == person_role.c.person_id)
        .where(person.c.person_id == person_id, person.c.state == "active")
    )
    known = roles()
    granted = (known[row.role].permissions for row in held if row.role in known)
    return frozenset[str]().union(*granted)


def require(tx: Transaction, permission: str) -> str:
    """The id of the acting person; ``NotAllowed`` unless a role of theirs permits it."""
    kind, _, person_id = tx.actor.partition(":")
    if kind == "person" and permission in permissions_of(tx, person_id):
        return person_id
    able = sorted(role.name for role in roles().values() if permission in role.permissions)
    raise NotAllowed(
        f"{tx.actor} may not do this: {permission}",
        hint=f"Roles that may: {', '.join(able) or 'none'}. See who has them: sekisho person list",
    )


def add_person(tx: Transaction, person_id: str, name: str, given: tuple[str, ...]) -> Person:
    """Add somebody, or bring back somebody who left, with exactly these roles."""
    if not _PERSON_ID.fullmatch(person_id):
        raise BadInput(
            "a person's id is 1 to 100 letters, digits or _.@- without spaces",
            hint="Choose one that is not the person's name: it stays in the log for good.",
        )
    first = tx.execute(select(func.count()).select_from(person)).scalar_one() == 0
    _known(given)
    if not first:
        require(tx, "person.change")
    elif ADMINISTRATOR not in given:
        raise BadInput(
            "the first person has to be an administrator",
            hint="Add yourself with --role administrator; then you can add others.",
        )
    present = tx.execute(select(person.c.state).where(person.c.person_id == person_id)).scalar()
    if present == "active":
        raise BadInput(
            f"{person_id} is there already",
            hint=f"Change the roles: sekisho person roles {person_id} ROLE...",
        )
    values = {"name": name, "state": "active", "added_us": tx.now_us}
    if present is None:
        tx.execute(insert(person).values(person_id=person_id, **values))
    else:
        tx.execute(update(person).where(person.c.person_id == person_id).values(**values))
    _give(tx, person_id, given)
    details = {"roles": sorted(given)}
    tx.record("person.add", f"person:{person_id}", details, personal={"name": name})
    return Person(person_id, name, "active", tuple(sorted(given)))


def set_roles(tx: Transaction, person_id: str, given: tuple[str, ...]) -> None:
    """Give a person exactly these roles."""
    require(tx, "person.change")
    _known(given)
    before = _active(tx, person_id)
    _give(tx, person_id, given)
    _keep_an_administrator(tx)
    details = {"before": list(before), "roles": sorted(given)}
    tx.record("person.roles", f"person:{person_id}", details)


def remove_person(tx: Transaction, person_id: str) -> None:
    """Take every role from a person, who can do nothing any more; the log keeps the id."""
    require(tx, "person.change")
    before = _active(tx, person_id)
    _give(tx, person_id, ())
    tx.execute(update(person).where(person.c.person_id == person_id).values(state="left"))
    _keep_an_administrator(tx)
    tx.record("person.remove", f"person:{person_id}", {"before": list(before)})


def _known(given: tuple[str, ...]) -> None:
    wrong = sorted(set(given) - roles().keys())
    if wrong or not given:
        raise BadInput(
            f"there is no role {wrong[0]!r}" if wrong else "a person needs a role",
            hint=f"The roles are {', '.join(roles())}.",
        )


def _active(tx: Transaction, person_id: str) -> tuple[str, ...]:
    """The person's roles; ``BadInput`` where there is no such active person."""
    state = tx.execute(select(person.c.state).where(person.c.person_id == person_id)).scalar()
    if state != "active":
        raise BadInput(
            f"there is no active person {person_id[:100]!r}", hint="See: sekisho person list"
        )
    held = select(person_role.c.role).where(person_role.c.person_id == person_id)
    return tuple(sorted(row.role for row in tx.execute(held)))


def _give(tx: Transaction, person_id: str, given: tuple[str, ...]) -> None:
    tx.execute(delete(person_role).where(person_role.c.person_id == person_id))
    rows = [{"person_id": person_id, "role": role} for role in sorted(set(given))]
    if rows:
        tx.execute(insert(person_role), rows)


def _keep_an_administrator(tx: Transaction) -> None:
    left = select(func.count()).select_from(person_role)
    if tx.execute(left.where(person_role.c.role == ADMINISTRATOR)).scalar_one() == 0:
        raise NotAllowed(
            "this was the last administrator",
            hint="Make somebody else administrator first, or nobody can change people any more.",
        )
