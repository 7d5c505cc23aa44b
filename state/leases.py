"""Leases on the database's own clock: taken, renewed, given back, and asked for inside the transactions they guard."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from connector.errors import LocalFault
from connector.ports.store import SENDER
from state import bulk
from state.database import Database
from state.outbox_folded import reading

#: The generation grows whenever the lease goes from one holder to another, by way of nobody or not.
_TAKE: Final = """
    INSERT INTO leases (name, owner, until, generation) VALUES (:name, :owner, :until, 1)
    ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until,
        generation = leases.generation + CASE WHEN leases.owner = excluded.owner THEN 0 ELSE 1 END
        WHERE leases.owner = excluded.owner OR leases.until <= :now
    RETURNING generation
"""
_RENEW: Final = "UPDATE leases SET until = :until WHERE name = :name AND owner = :owner AND until > :now"
#: Nobody's, but not forgotten: the next holder's generation must be another.
_RELEASE: Final = "UPDATE leases SET owner = '', until = 0 WHERE name = :name AND owner = :owner"
_HOLDER: Final = "SELECT owner FROM leases WHERE name = :name AND until > :now"
_LIVING: Final = "SELECT count(*) FROM leases WHERE name = :name AND until > :now"


def take(database: Database, connection: Connection, name: str, owner: str, ttl_us: int) -> int:
    """Take or renew a lease; give its generation, 0 while another's has not run out."""
    now = database.clock_us(connection)
    values = {"name": name, "owner": owner, "now": now, "until": now + ttl_us}
    found = connection.execute(text(_TAKE), values).one_or_none()
    return 0 if found is None else int(found[0])


def renew(database: Database, connection: Connection, name: str, owner: str, ttl_us: int) -> bool:
    """Renew a lease that has not run out; False where it has, even if nobody took it."""
    now = database.clock_us(connection)
    values = {"name": name, "owner": owner, "now": now, "until": now + ttl_us}
    return bool(connection.execute(text(_RENEW), values).rowcount)


def release(connection: Connection, name: str, owner: str) -> None:
    """Give a lease back; that of a sender, whose name nobody takes again, is forgotten."""
    values = {"name": name, "owner": owner}
    if name.startswith(SENDER):
        connection.execute(text("DELETE FROM leases WHERE name = :name AND owner = :owner"), values)
    else:
        connection.execute(text(_RELEASE), values)


def holder(database: Database, connection: Connection, name: str) -> str | None:
    """Name the owner of a lease that has not run out, or None."""
    values = {"name": name, "now": database.clock_us(connection)}
    found = connection.execute(text(_HOLDER), values).scalar_one_or_none()
    return None if found is None else str(found)


def may_claim(database: Database, connection: Connection, owner: str) -> bool:
    """Say whether a claim of this owner may stand: a sender whose lease has run out may not take anything."""
    if not owner.startswith(SENDER):
        return True
    values = {"name": owner, "now": database.clock_us(connection)}
    return bool(bulk.fetch(database, connection, _LIVING, values)[0][0])


def refuse_outdated(database: Database, connection: Connection) -> None:
    """Undo the caller's transaction unless the lease it stands on is still in the hands it was in.

    Ask last: on PostgreSQL the lease cannot change hands between this look and the commit, and neither can it be
    renewed meanwhile.

    Raises:
        LocalFault: ``engine.lost``.
    """
    if database.fence is None:
        return
    name, generation = database.fence
    lock = " FOR SHARE" if database.make == "postgresql" else ""
    statement = f"SELECT generation FROM leases WHERE name = :name{lock}"
    if connection.execute(text(statement), {"name": name}).scalar_one_or_none() != generation:
        raise LocalFault("engine.lost", "another run took over while this one slept", cure="let that one work")


def lose_dead(database: Database, *, alone: bool) -> int:
    """Turn rows whose sender's lease has run out into unknown ones; give their number.

    ``alone``: whoever asks knows that nobody else may send, so all others are dead, whatever their leases say.
    """
    with reading(database) as connection:
        if not _dead(database, connection, alone=alone):
            return 0
    with database.write() as connection:
        now = database.clock_us(connection)
        ended = "" if alone else " AND until <= :now"
        connection.execute(
            text(f"DELETE FROM leases WHERE name LIKE '{SENDER}%'{ended}"), {} if alone else {"now": now}
        )
        # Only now: a lease that was renewed before we could delete it is alive.
        dead = _dead(database, connection, alone=alone)
        lose = f"""
            UPDATE outbox SET state = 'unknown', was_unknown = 1, lease_owner = NULL, lease_until = NULL,
                not_before = NULL, code = 'handoff.lease_ran_out'
            WHERE state = 'doing' AND lease_owner IN {database.list_of("dead", "text")}
        """
        return int(connection.execute(text(lose), {"dead": database.packed(dead)}).rowcount) if dead else 0


def _dead(database: Database, connection: Connection, *, alone: bool) -> list[str]:
    senders = set(connection.execute(text("SELECT DISTINCT lease_owner FROM outbox WHERE state = 'doing'")).scalars())
    if not senders or alone:
        return sorted(senders)
    living = "SELECT name FROM leases WHERE until > :now"
    return sorted(senders - set(connection.execute(text(living), {"now": database.clock_us(connection)}).scalars()))
