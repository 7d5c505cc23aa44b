"""The list of quarantined events brought up to date: what is new is judged, what people said is taken up.

The list is what judging everything at once would give, whatever came in which order: what has landed since the last
look is judged together with everything it can bear on, and so is whatever an event of whom turned out to be somebody
else's. Only the instants at which an event came onto the list, or left it, are history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.engine_answers import answer
from connector.domain.sql_text import moment
from connector.lake.engine import querying
from connector.lake.reading import Lake
from connector.mapping.bots import Bots
from connector.ports.quarantine import QUARANTINE, QUARANTINE_PAST, REFERENCES, Quarantine
from connector.quarantine.comparing import compared
from connector.quarantine.judging import JUDGED, LOOKED_AT, Spans, around, judge, reach, within

#: stretches of time that are judged apart; more of them cost more than what lies between them
_SPANS = 8
#: beyond so many rows, one look at everything is cheaper than many at parts
_MANY = 2_000_000
_TYPES = ", ".join(f"'{name}'" for name in LOOKED_AT)
#: changes when an event is judged by other rules than before, so that everything is judged anew
_RULES = 1


class _Mark(msgspec.Struct):
    """What has been judged.

    Attributes:
        rules: digest of what machines are recognised by.
        who: digest of which reference is whose.
        as_of: clock of the last look.
        rows: rows the lake held then.
        landed: latest instant of landing that was looked at.
        at_landed: how many activities had landed at that instant.
        watched_since: time of the first page view.
        seen_rows: rows the lake held at the last look at some people only, all who had done something since among them;
            looks at everybody do not rely on these.
        seen_as_of: clock of that look.
    """

    rules: str
    who: str
    as_of: datetime
    rows: int
    landed: datetime | None
    at_landed: int
    watched_since: datetime | None
    seen_rows: int = -1
    seen_as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptApart:
    """What one look changed: how many events came to be in each state, and the version of the list behind it.

    ``grown``: absence of page views has come to mean something for others than those looked at.
    """

    held: int = 0
    released: int = 0
    cleared: int = 0
    version: int = 0
    grown: bool = False

    def counts(self) -> dict[str, int]:
        """Give the numbers by word, for logs."""
        return {"held": self.held, "released": self.released, "cleared": self.cleared}


def keep_apart(
    quarantine: Quarantine,
    lake: Lake,
    systems: Sequence[str],
    identities: pa.Table,
    bots: Bots,
    *,
    as_of: datetime,
) -> KeptApart:
    """Bring the list up to date as of a cycle's clock, over everybody.

    ``identities`` (schema ``IDENTITIES``) are those of everybody. Nothing is read from the lake when nothing has landed
    and nobody's references have changed.

    Raises:
        LocalFault: the lake or the state cannot be read or written.
    """
    before, answers = _read_mark(quarantine), quarantine.answers()
    fresh = [one.number for one in answers if one.known_at is None]
    news = _news(lake, systems, before, identities, bots, as_of)
    if news.spans == [] and not fresh:
        if before is not None and before != msgspec.structs.replace(news.mark, as_of=before.as_of):
            quarantine.commit(QUARANTINE.empty_table(), _NO_PAST, at=as_of, mark=_written(news.mark))
        return KeptApart(version=quarantine.version())
    judged = JUDGED.empty_table()
    if news.spans is None or news.spans:
        watched = news.mark.watched_since
        judged = judge(lake, systems, identities, bots, as_of=as_of, watched_since=watched, spans=news.spans)
    listed = quarantine.rows() if news.spans is None or fresh else _listed(quarantine, news.spans)
    inside = "true" if news.spans is None else within(news.spans, "l.occurred_at")
    rows, past = compared(listed, judged, answers, as_of=as_of, inside=inside)
    version = quarantine.commit(rows, past, answers=fresh, at=as_of, mark=_written(news.mark))
    return _told(rows, version)


def keep_apart_of(
    quarantine: Quarantine,
    lake: Lake,
    systems: Sequence[str],
    identities: pa.Table,
    bots: Bots,
    *,
    as_of: datetime,
    all_who_did: bool = True,
) -> KeptApart:
    """Bring the list up to date of those in ``identities`` only, whole persons, from a lake narrowed to them.

    The same rows of theirs as a look over everybody gives, provided all who are ``awaited`` are among them. Nothing is
    read where nothing has landed since a look at all who did something, and they are not listed; ``all_who_did`` says
    that this is such a look. Nothing is done before the first look over everybody, and where only such a one would do:
    both are told by ``grown``.

    Raises:
        LocalFault: the lake or the state cannot be read or written.
    """
    before, answers = _read_mark(quarantine), quarantine.answers()
    if before is None or before.rules != _digest(bots):
        return KeptApart(version=quarantine.version(), grown=True)
    names = pc.binary_join_element_wise(*(identities.column(name) for name in ("system", "object", "id")), ":")
    theirs = quarantine.rows_of(names.to_pylist())
    fresh = [one.number for one in answers if one.known_at is None]
    looks = [(before.rows, before.as_of), (before.seen_rows, before.seen_as_of or before.as_of)]
    if not fresh and not theirs.num_rows and any(_nothing_new(lake, systems, *look) for look in looks):
        return KeptApart(version=quarantine.version())
    views = "SELECT min(occurred_at) AS first FROM activities WHERE type = 'page_view'"
    first = lake.ask_activities(views, systems, as_of=as_of).column("first")[0].as_py()
    if first is not None and (before.watched_since is None or first < before.watched_since):
        return KeptApart(version=quarantine.version(), grown=True)
    judged = judge(lake, systems, identities, bots, as_of=as_of, watched_since=before.watched_since)
    listed = quarantine.rows() if fresh else theirs
    inside = "(l.ref_system, l.ref_object, l.ref_id) IN (SELECT (system, object, id) FROM refs)"
    rows, past = compared(listed, judged, answers, as_of=as_of, inside=inside, refs=identities)
    mark = before
    if all_who_did:
        mark = msgspec.structs.replace(before, seen_rows=lake.count_activities(systems), seen_as_of=as_of)
    return _told(rows, quarantine.commit(rows, past, answers=fresh, at=as_of, mark=_written(mark)))


def _nothing_new(lake: Lake, systems: Sequence[str], rows: int, as_of: datetime) -> bool:
    """Say, without reading, that nothing has landed since a look and nothing has come to its time."""
    latest = lake.latest_activity(systems)
    return lake.count_activities(systems) == rows and (latest is None or latest <= as_of)


def awaited(quarantine: Quarantine) -> pa.Table:
    """Name those (``REFERENCES``) about whose events somebody has said something that no cycle has taken up yet."""
    waiting = [one for one in quarantine.answers() if one.known_at is None]
    if not waiting:
        return REFERENCES.empty_table()
    with querying() as connection:
        connection.register("rows", quarantine.rows())
        connection.register("names", pa.table({"name": [f"{one.scope} {one.name}" for one in waiting]}))
        query = """
            SELECT DISTINCT ref_system AS system, ref_object AS object, ref_id AS id FROM rows
            WHERE 'event ' || system || ':' || kind || ':' || rows.id IN (FROM names)
                OR 'person ' || ref_system || ':' || ref_object || ':' || ref_id IN (FROM names)
                OR 'campaign ' || system || ':' || coalesce(campaign, '') IN (FROM names)
            ORDER BY ALL
        """
        return answer(connection, query).cast(REFERENCES)


def _told(rows: pa.Table, version: int) -> KeptApart:
    came = {row["values"]: row["counts"] for row in rows.column("state").value_counts().to_pylist()}
    return KeptApart(came.get("held", 0), came.get("released", 0), came.get("cleared", 0), version)


_NO_PAST = QUARANTINE_PAST.empty_table()


@dataclass(frozen=True, slots=True)
class _News:
    """Spans to judge (None: everything), and the mark that holds afterwards."""

    spans: list[tuple[datetime, datetime]] | None
    mark: _Mark


def _news(
    lake: Lake, systems: Sequence[str], before: _Mark | None, identities: pa.Table, bots: Bots, as_of: datetime
) -> _News:
    """Find out when that occurred which has landed, or come due, since the last look.

    Where references went from one person to another, everything is judged: whose page view it was has changed.
    """
    rules, rows, who = _digest(bots), lake.count_activities(systems), _who_is_who(identities)
    if before is None or (before.rules, before.who) != (rules, who) or before.as_of > as_of:
        return _News(None, _whole_mark(lake, systems, _Mark(rules, who, as_of, rows, None, 0, None)))
    if _nothing_new(lake, systems, before.rows, before.as_of):
        return _News([], msgspec.structs.replace(before, as_of=as_of))
    landed = "false"
    if rows != before.rows:
        # What landed at the very instant of the last look may have come after it.
        edge = "" if before.landed is None else moment(before.landed)
        same = _one(lake, systems, as_of, f"count(*) FILTER (landed_at = {edge})") if edge else 0
        landed = f"landed_at {'>' if same == before.at_landed else '>='} {edge}" if edge else "true"
    where = f"type IN ({_TYPES}) AND ({landed} OR occurred_at > {moment(before.as_of)})"
    found = lake.ask_activities(
        f"""SELECT min(occurred_at) AS low, max(occurred_at) AS high, count(*) AS events,
                min(occurred_at) FILTER (type = 'page_view') AS first_view, max(landed_at) AS landed
            FROM activities WHERE {where} GROUP BY epoch_us(occurred_at) // 3600000000 ORDER BY low""",
        systems,
        as_of=as_of,
    ).to_pylist()
    latest = max((row["landed"] for row in found), default=before.landed)
    at_landed = before.at_landed
    if rows != before.rows and latest is not None:
        instant = moment(latest)
        at_landed = _one(lake, systems, as_of, f"count(*) FILTER (landed_at = {instant})")
    views = [row["first_view"] for row in found if row["first_view"] is not None]
    first_view = min([*views, *([before.watched_since] if before.watched_since else [])], default=None)
    mark = _Mark(rules, who, as_of, rows, latest, at_landed, first_view)
    if sum(row["events"] for row in found) > _MANY:
        return _News(None, mark)
    margin = reach(bots)
    spans = [around(row["low"], row["high"], margin) for row in found]
    if first_view != before.watched_since and first_view is not None:
        # Absence of page views has come to mean something.
        spans.append((first_view, before.watched_since or as_of))
    return _News(_merged(spans), mark)


def _whole_mark(lake: Lake, systems: Sequence[str], mark: _Mark) -> _Mark:
    """Look through everything for what a mark says of it."""
    found = lake.ask_activities(
        """SELECT max(landed_at) AS landed, arg_max(n, landed_at) AS at_landed, min(first_view) AS first_view FROM (
            SELECT landed_at, count(*) AS n, min(occurred_at) FILTER (type = 'page_view') AS first_view
            FROM activities GROUP BY landed_at)""",
        systems,
        as_of=mark.as_of,
    ).to_pylist()[0]
    landed, at_landed, first_view = found["landed"], found["at_landed"] or 0, found["first_view"]
    return msgspec.structs.replace(mark, landed=landed, at_landed=at_landed, watched_since=first_view)


def _who_is_who(identities: pa.Table) -> str:
    """Hash which reference belongs to whom, in whatever order."""
    with querying() as connection:
        connection.register("identities", identities)
        query = "SELECT count(*), bit_xor(hash(system, object, id, person_id)) FROM identities"
        return " ".join(str(value) for value in connection.sql(query).fetchall()[0])


def _one(lake: Lake, systems: Sequence[str], as_of: datetime, what: str) -> int:
    found = lake.ask_activities(f"SELECT {what} AS n FROM activities", systems, as_of=as_of)
    return int(found.column("n")[0].as_py() or 0)


def _merged(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Join what overlaps, then what lies nearest, until there are few."""
    joined: list[tuple[datetime, datetime]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    if len(joined) <= _SPANS:
        return joined
    gaps = sorted(range(1, len(joined)), key=lambda n: joined[n][0] - joined[n - 1][1], reverse=True)
    cuts = [0, *sorted(gaps[: _SPANS - 1]), len(joined)]
    return [(joined[a][0], joined[b - 1][1]) for a, b in pairwise(cuts)]


def _listed(quarantine: Quarantine, spans: Spans) -> pa.Table:
    return pa.concat_tables([QUARANTINE.empty_table(), *(quarantine.rows(low=a, high=b) for a, b in spans)])


def _digest(bots: Bots) -> str:
    return hashlib.sha256(f"{_RULES} {bots.model_dump_json()}".encode()).hexdigest()[:16]


def _read_mark(quarantine: Quarantine) -> _Mark | None:
    """Read what has been judged; what an older program wrote and we cannot read was never judged."""
    text = quarantine.mark()
    try:
        return None if text is None else msgspec.json.decode(text, type=_Mark)
    except msgspec.MsgspecError:
        return None


def _written(mark: _Mark) -> str:
    return msgspec.json.encode(mark).decode()
