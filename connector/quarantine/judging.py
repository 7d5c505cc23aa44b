"""Which clicks, opens and page views look like a machine's: one question to the lake, no order of arrival in it.

A click is judged by three signs (``connector.mapping.bots``); an open shares the lot of the clicks beside it; page
views are judged by their number alone. Every sign looks at what lies near in time only, so that a few spans can be
judged apart from all else, with the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from connector.domain.sql_text import literal, moment
from connector.lake.reading import Lake
from connector.mapping.bots import Bots
from connector.ports.quarantine import QUARANTINE

#: From and to, both included.
Spans = Sequence[tuple[datetime, datetime]]
#: What is looked at. ``caught`` says whether the event counts for nothing as long as nobody releases it.
JUDGED = pa.schema(
    [field for field in QUARANTINE if field.name not in ("state", "since", "version")] + [("caught", pa.bool_())]
)
#: Types of activity that speak for or against a machine.
LOOKED_AT = ("email_sent", "email_delivered", "email_open", "email_click", "page_view")
_MICROSECOND = timedelta(microseconds=1)
#: what belongs together when ``links`` is off and says nothing of it
_AT_ONCE = timedelta(seconds=5)
_FIRST, _LAST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
_EVENT = "system, kind, id"
_REF = "person_system, person_object, person_id"


def reach(bots: Bots) -> timedelta:
    """Say how far in time one event can bear on another's judgement."""
    at_once = _at_once(bots)
    pages = timedelta() if bots.pages is None else bots.pages.within
    return max((bots.fast or timedelta()) + (bots.visit or timedelta()) + 3 * at_once, pages) + timedelta(seconds=1)


def around(low: datetime, high: datetime, margin: timedelta) -> tuple[datetime, datetime]:
    """Widen a span on both sides; the edges of time have no further side."""
    return max(low, _FIRST + margin) - margin, min(high, _LAST - margin) + margin


def judge(
    lake: Lake,
    systems: Sequence[str],
    identities: pa.Table,
    bots: Bots,
    *,
    as_of: datetime,
    watched_since: datetime | None,
    spans: Spans | None = None,
) -> pa.Table:
    """Give every event that has a sign of a machine (``JUDGED``), in order of system, kind and id.

    ``identities`` (schema ``IDENTITIES``) say whose page views and clicks belong together. ``watched_since`` is the
    time of the first page view known: before it nobody's absence means anything; None: no page view is known at all.
    Judges what occurred within ``spans``, or everything.
    """
    parts = [_mail(bots, watched_since, spans), _pages(bots, spans)]
    query = " UNION ALL ".join(f"(FROM ({part}))" for part in parts if part)
    if not query:
        return JUDGED.empty_table()
    found = lake.ask_activities(
        f"SELECT {', '.join(JUDGED.names)} FROM ({query}) ORDER BY {_EVENT}",
        systems,
        as_of=as_of,
        tables={"identities": identities.select(["system", "object", "id", "person_id"])},
    )
    return found.cast(JUDGED)


def _at_once(bots: Bots) -> timedelta:
    return _AT_ONCE if bots.links is None else bots.links.within


def _us(span: timedelta) -> int:
    return span // _MICROSECOND


def within(spans: Spans, column: str = "occurred_at") -> str:
    """Write the condition that an instant lies in one of some spans."""
    each = [f"{column} BETWEEN {moment(low)} AND {moment(high)}" for low, high in spans]
    return f"({' OR '.join(each) or 'false'})"


def _within(spans: Spans | None, margin: timedelta = timedelta()) -> str:
    return "true" if spans is None else within([around(low, high, margin) for low, high in spans])


def _mail(bots: Bots, watched_since: datetime | None, spans: Spans | None) -> str:
    """Write the query for clicks and the opens beside them."""
    if bots.fast is None and bots.links is None and bots.marked is None:
        return ""
    near = _within(spans, 2 * reach(bots))
    marked = f"coalesce(value IN ({', '.join(map(literal, bots.marked))}), false)" if bots.marked else "false"
    watched = "false" if watched_since is None else f"us >= epoch_us({moment(watched_since)})"
    at_once = _us(_at_once(bots))
    return f"""
    WITH clicks AS MATERIALIZED (
        SELECT {_EVENT}, {_REF}, campaign, occurred_at, epoch_us(occurred_at) AS us, coalesce(url, path) AS link,
            {marked} AS marked
        FROM activities WHERE type = 'email_click' AND {near}
    ), messages AS MATERIALIZED (
        SELECT *, row_number() OVER () AS message
        FROM (SELECT DISTINCT system, {_REF}, campaign FROM clicks WHERE campaign IS NOT NULL)
    ), told AS MATERIALIZED (
        SELECT c.*, m.message FROM clicks c LEFT JOIN messages m USING (system, {_REF}, campaign)
    ), {_fast(bots, near)}, {_links(bots)}, signed AS MATERIALIZED (
        SELECT t.*, f.after_us, f.after, l.links,
            f.after_us IS NOT NULL AS fast, l.links IS NOT NULL AS several
        FROM told t LEFT JOIN fast f USING ({_EVENT}) LEFT JOIN several l USING ({_EVENT})
        WHERE t.marked OR f.after_us IS NOT NULL OR l.links IS NOT NULL
    ), {_visits(bots, near, at_once)}, weighed AS MATERIALIZED (
        SELECT *, NOT visited AND {watched} AS unseen,
            fast::INT + several::INT + (NOT visited AND {watched})::INT >= {bots.signs} OR marked AS caught
        FROM seen
    ), opens AS (
        SELECT {_EVENT}, {_REF}, campaign, occurred_at, epoch_us(occurred_at) AS us, {marked} AS marked
        FROM activities WHERE type = 'email_open' AND {_within(spans)}
    ), beside AS (
        SELECT DISTINCT o.system, o.kind, o.id FROM opens o JOIN weighed w
        ON o.system = w.system AND o.person_system = w.person_system AND o.person_object = w.person_object
            AND o.person_id = w.person_id AND o.campaign = w.campaign
        WHERE w.caught AND o.us BETWEEN w.us - {at_once} AND w.us + {at_once}
    )
    SELECT {_EVENT}, 'email_click' AS type, person_system AS ref_system, person_object AS ref_object,
        person_id AS ref_id, campaign, occurred_at,
        concat_ws(' ', CASE WHEN marked THEN 'marked' END, CASE WHEN fast THEN 'fast' END,
            CASE WHEN several THEN 'links' END, CASE WHEN unseen THEN 'no_visit' END) AS patterns,
        (after_us // 1000)::BIGINT AS after_ms, after, links::BIGINT AS at_once, caught
    FROM weighed WHERE {_within(spans)}
    UNION ALL
    SELECT {_EVENT}, 'email_open', person_system, person_object, person_id, campaign, occurred_at,
        concat_ws(' ', CASE WHEN marked THEN 'marked' END, CASE WHEN b.id IS NOT NULL THEN 'with_clicks' END),
        NULL, NULL, NULL, true
    FROM opens LEFT JOIN beside b USING ({_EVENT}) WHERE marked OR b.id IS NOT NULL
    """


def _fast(bots: Bots, near: str) -> str:
    """Write ``fast``: clicks at most so long after delivery or sending, or before their delivery.

    The latest of both before the click counts. Where that is a sending, or nothing, a delivery that follows within the
    span counts too: gateways look into a message before they let it in, and nobody clicks what has not come.
    """
    if bots.fast is None:
        return (
            "fast AS (SELECT system, kind, id, NULL::BIGINT AS after_us, NULL::VARCHAR AS after FROM told WHERE false)"
        )
    span = _us(bots.fast)
    return f"""came AS MATERIALIZED (
        SELECT m.message, epoch_us(a.occurred_at) AS us, bool_or(a.type = 'email_delivered') AS delivered
        FROM activities a JOIN messages m USING (system, {_REF}, campaign)
        WHERE a.type IN ('email_sent', 'email_delivered') AND {near.replace("occurred_at", "a.occurred_at")}
        GROUP BY ALL
    ), lately AS (
        SELECT t.system, t.kind, t.id, t.message, t.us, c.us AS came_at, c.delivered
        FROM told t ASOF LEFT JOIN came c ON t.message = c.message AND t.us >= c.us
    ), soon AS (
        SELECT l.*, c.us AS comes_at
        FROM lately l ASOF LEFT JOIN (FROM came WHERE delivered) c ON l.message = c.message AND l.us < c.us
    ), fast AS (
        SELECT system, kind, id,
            CASE WHEN us - came_at <= {span} THEN us - came_at ELSE us - comes_at END AS after_us,
            CASE WHEN us - came_at <= {span} AND NOT delivered THEN 'sending' ELSE 'delivery' END AS after
        FROM soon WHERE us - came_at <= {span} OR comes_at - us <= {span} AND NOT coalesce(delivered, false)
    )"""


def _links(bots: Bots) -> str:
    """Write ``several``: clicks in a stretch of time that holds enough different links of the message."""
    if bots.links is None:
        return "several AS (SELECT system, kind, id, NULL::BIGINT AS links FROM told WHERE false)"
    span, count = _us(bots.links.within), bots.links.count
    return f"""busy AS (
        SELECT message FROM told WHERE message IS NOT NULL GROUP BY message HAVING count(DISTINCT link) >= {count}
    ), stretches AS (
        SELECT system, kind, id, message, us, count(DISTINCT link) OVER (
            PARTITION BY message ORDER BY us RANGE BETWEEN CURRENT ROW AND {span} FOLLOWING) AS links
        FROM told SEMI JOIN busy USING (message)
    ), widest AS (
        SELECT system, kind, id, max(links) OVER (
            PARTITION BY message ORDER BY us RANGE BETWEEN {span} PRECEDING AND CURRENT ROW) AS links
        FROM stretches
    ), several AS (SELECT * FROM widest WHERE links >= {count})"""


def _visits(bots: Bots, near: str, at_once: int) -> str:
    """Write ``seen``: whether the person viewed a page after the click, and before their next click elsewhere.

    The next click is one that is not part of the same burst: the page that a person reads after a click of their own
    must not vouch for the clicks a machine made before.
    """
    if bots.visit is None:
        return "seen AS (SELECT *, true AS visited FROM signed)"
    refs = "i.system = {0}.person_system AND i.object = {0}.person_object AND i.id = {0}.person_id"
    return f"""whose AS MATERIALIZED (
        SELECT s.*, coalesce(i.person_id, concat_ws(':', {_REF.replace("person_", "s.person_")})) AS person,
            s.us + {at_once} AS burst_end
        FROM signed s LEFT JOIN identities i ON {refs.format("s")}
    ), theirs AS MATERIALIZED (
        SELECT i.system, i.object, i.id, i.person_id AS person
        FROM identities i SEMI JOIN whose w ON w.person = i.person_id
        UNION SELECT {_REF}, person FROM whose
    ), views AS (
        SELECT i.person, epoch_us(a.occurred_at) AS us FROM activities a JOIN theirs i ON {refs.format("a")}
        WHERE a.type = 'page_view' AND {near}
    ), further AS (
        SELECT i.person, c.us FROM clicks c JOIN theirs i ON {refs.format("c")}
    ), viewed AS (
        SELECT w.*, v.us AS viewed_at FROM whose w ASOF LEFT JOIN views v ON w.person = v.person AND w.us <= v.us
    ), seen AS (
        SELECT v.* EXCLUDE (person, burst_end, viewed_at), coalesce(
            viewed_at <= v.us + {_us(bots.visit)} AND (f.us IS NULL OR viewed_at < f.us), false) AS visited
        FROM viewed v ASOF LEFT JOIN further f ON v.person = f.person AND v.burst_end < f.us
    )"""


def _pages(bots: Bots, spans: Spans | None) -> str:
    """Write the query for page views that are too many at once; only those who have many in one stretch are counted."""
    if bots.pages is None:
        return ""
    span, count = _us(bots.pages.within), bots.pages.count
    near = _within(spans, 2 * bots.pages.within)
    # Any stretch of that length lies in two neighbouring slots, one of which holds at least half of it.
    return f"""
    WITH crowded AS (
        SELECT {_REF} FROM activities WHERE type = 'page_view' AND {near}
        GROUP BY {_REF}, epoch_us(occurred_at) // {max(1, span)} HAVING count(*) >= {-(-count // 2)}
    ), views AS (
        SELECT {_EVENT}, {_REF}, campaign, occurred_at, epoch_us(occurred_at) AS us
        FROM activities SEMI JOIN crowded USING ({_REF}) WHERE type = 'page_view' AND {near}
    ), stretches AS (
        SELECT *, count(*) OVER (
            PARTITION BY {_REF} ORDER BY us RANGE BETWEEN CURRENT ROW AND {span} FOLLOWING) AS pages
        FROM views
    ), widest AS (
        SELECT *, max(pages) OVER (
            PARTITION BY {_REF} ORDER BY us RANGE BETWEEN {span} PRECEDING AND CURRENT ROW) AS at_once
        FROM stretches
    )
    SELECT {_EVENT}, 'page_view' AS type, person_system AS ref_system, person_object AS ref_object,
        person_id AS ref_id, campaign, occurred_at, 'pages' AS patterns, NULL::BIGINT AS after_ms,
        NULL::VARCHAR AS after, at_once::BIGINT AS at_once, true AS caught
    FROM widest WHERE at_once >= {count} AND {_within(spans)}
    """
