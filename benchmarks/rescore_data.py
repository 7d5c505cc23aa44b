"""What the benchmarks of rescoring work on: a model of 40 rules, and a lake, people and accounts made from a seed.

Activities are skewed (the busiest person has thousands), spread over two years, in order of time, as a source hands
them out. Everything is drawn by hashing row numbers with the seed: the same seed gives the same bytes.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connector.lake.layout import ACTIVITY_COLUMNS, activities_stream
from connector.mapping.scoring import ScoringModel
from connector.ports.store import Segment

NOW = datetime(2026, 4, 2, 9, 30, tzinfo=UTC)
SPAN_DAYS = 730
SYSTEM, OBJECT = "web", "contact"
#: rows of a segment
SEGMENT_ROWS = 1_000_000
PATHS = 20_000


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as ops people write it, and the same in SQL by hand."""

    on: str
    where: dict[str, Any]
    sql: str
    points: tuple[int, ...]
    half_life: int | None = 30
    at_most: tuple[int, int] | None = None
    group: str | None = None
    cap: int | None = None


def _page(where: dict[str, Any], sql: str, *points: int, **more: Any) -> Rule:
    return Rule("page_view", {"path": where}, sql, points, **more)


def _of(on: str, field: str, value: str, *points: int, **more: Any) -> Rule:
    return Rule(on, {field: {"starts_with": value}}, f"starts_with({field}, '{value}')", points, **more)


#: 40 rules: 20 on pages, 20 on other kinds; 12 with a window, 8 with falling returns, two groups, five caps
RULES: tuple[Rule, ...] = (
    _page({"starts_with": "/pricing"}, "starts_with(path, '/pricing')", 12, at_most=(3, 7), cap=60),
    _page({"starts_with": "/demo"}, "starts_with(path, '/demo')", 10, at_most=(2, 7)),
    _page({"starts_with": "/trial"}, "starts_with(path, '/trial')", 9, at_most=(2, 30)),
    _page({"starts_with": "/docs/api"}, "starts_with(path, '/docs/api')", 2, at_most=(5, 1)),
    _page({"starts_with": "/docs/install"}, "starts_with(path, '/docs/install')", 3),
    _page({"starts_with": "/docs/admin"}, "starts_with(path, '/docs/admin')", 3, half_life=60),
    _page({"matches": "^/blog/.*security"}, "regexp_matches(path, '^/blog/.*security')", 2, group="content"),
    _page({"matches": "^/blog/.*cloud"}, "regexp_matches(path, '^/blog/.*cloud')", 2, 1, 0, group="content"),
    _page({"contains": "case-study"}, "contains(path, 'case-study')", 4, at_most=(2, 30), group="content"),
    _page({"contains": "compare"}, "contains(path, 'compare')", 5, cap=25),
    _page({"starts_with": "/customers"}, "starts_with(path, '/customers')", 3),
    _page({"starts_with": "/integrations"}, "starts_with(path, '/integrations')", 3, at_most=(3, 7)),
    _page({"starts_with": "/careers"}, "starts_with(path, '/careers')", -5, half_life=90),
    _page({"starts_with": "/investors"}, "starts_with(path, '/investors')", -4),
    _page({"starts_with": "/support"}, "starts_with(path, '/support')", 1),
    _page({"starts_with": "/security"}, "starts_with(path, '/security')", 4, half_life=None, cap=20),
    _page({"matches": "/(roi|tco)-"}, "regexp_matches(path, '/(roi|tco)-')", 6, 3, 1),
    _page({"starts_with": "/partners"}, "starts_with(path, '/partners')", 1),
    _page({"starts_with": "/events"}, "starts_with(path, '/events')", 2, at_most=(1, 7)),
    _page({"contains": "migration"}, "contains(path, 'migration')", 5, half_life=14),
    _of("asset_download", "asset", "guide", 8, 4, 2, 0, -2, group="content"),
    _of("asset_download", "asset", "report", 6, 3, 1, group="content"),
    _of("asset_download", "asset", "sheet", 5, at_most=(2, 30)),
    _of("asset_download", "asset", "template", 3, group="content"),
    _of("webinar_attended", "campaign", "web-", 12, 6, 3, 0, group="content"),
    _of("webinar_attended", "campaign", "product-", 14, half_life=45),
    _of("webinar_registered", "campaign", "web-", 3),
    _of("email_click", "campaign", "news", 3, 2, 1, group="mail"),
    _of("email_click", "campaign", "web-", 4, at_most=(1, 1), group="mail"),
    _of("email_click", "campaign", "product-", 5, group="mail"),
    _of("email_click", "campaign", "offer", 5, at_most=(3, 30), group="mail"),
    _of("email_open", "campaign", "news", 1, at_most=(1, 7), group="mail"),
    _of("email_open", "campaign", "offer", 1, group="mail"),
    _of("email_unsubscribe", "campaign", "", -20, half_life=None),
    _of("form_submit", "form", "newsletter", 4, half_life=60),
    _of("form_submit", "form", "ebook", 6, 3, group="content"),
    _of("form_submit", "form", "trial", 20, cap=40),
    _of("event_attended", "campaign", "fair", 15, half_life=90),
    _of("ad_click", "campaign", "", 2, cap=10),
    _of("chat", "subject", "", 7, at_most=(2, 7)),
)
GROUPS: dict[str, tuple[int, int | None]] = {"content": (30, -10), "mail": (15, None)}
#: fit: id, condition, the same in SQL, points
_BOSS, _YOUNG = r"\b(chief|vp|director|head)\b", r"\b(student|intern)\b"
FIT: tuple[tuple[str, dict[str, Any], str, int], ...] = (
    ("decider", {"title": {"matches": _BOSS}}, f"regexp_matches(lower(title), '{_BOSS}')", 40),
    ("size", {"employees": {"gte": 200}}, "employees >= 200", 40),
    ("region", {"country": {"in": ["DE", "AT", "CH"]}}, "country IN ('DE', 'AT', 'CH')", 10),
    ("junior", {"title": {"matches": _YOUNG}}, f"regexp_matches(lower(title), '{_YOUNG}')", -30),
)
ACCOUNT_CAP = 60
_TITLES = ["VP Sales", "Chief Engineer", "Office Manager", "Student", "Clerk", "Head of IT", None]
_PAGES = (
    "pricing demo trial docs/api docs/install docs/admin blog customers integrations careers investors support "
    "security roi-calculator partners events about legal news product"
)
_TOPICS = "overview security cloud case-study compare migration start eu small large news tour faq"
_WORDS, _TAILS = _PAGES.split(), _TOPICS.split()


def model(**changes: Any) -> ScoringModel:
    """Give the model; ``changes`` replace its parts."""
    rules = []
    for number, rule in enumerate(RULES):
        written: dict[str, Any] = {"id": f"r{number:02}", "on": rule.on, "points": list(rule.points)}
        written["half_life"] = "none" if rule.half_life is None else f"{rule.half_life}d"
        if any(next(iter(test.values())) != "" for test in rule.where.values()):
            written["where"] = rule.where
        if rule.at_most:
            written["at_most"] = {"count": rule.at_most[0], "per": f"{rule.at_most[1]}d"}
        written |= {name: value for name, value in (("group", rule.group), ("cap", rule.cap)) if value is not None}
        rules.append(written)
    groups = {name: {"cap": cap} | ({} if floor is None else {"floor": floor}) for name, (cap, floor) in GROUPS.items()}
    fit = [{"id": id_, "when": when, "points": points} for id_, when, _, points in FIT]
    whole: dict[str, Any] = {
        "name": "rescore",
        "win": "opportunity_won",
        "dimensions": {
            "fit": {"rules": fit},
            "interest": {"half_life": "30d", "groups": groups, "rules": rules},
            "qualification": {"weight": 1},
        },
        "roles": {
            "decider": {"title": {"matches": r"\b(chief|vp)\b"}},
            "influencer": {"title": {"matches": "manager"}},
        },
        "account": {"cap": ACCOUNT_CAP, "ready_when": {"score": {"gte": 50}}},
        "grades": {"fit": {"A": 75, "B": 50, "C": 25, "D": 0}, "interest": {1: 75, 2: 50, 3: 25, 4: 0}},
        "matrix": {
            "A": ["sales", "sales", "review", "nurture"],
            "B": ["sales", "review", "review", "nurture"],
            "C": ["review", "nurture", "nurture", "nurture"],
            "D": ["nurture", "nurture", "nurture", "nurture"],
        },
    }
    return ScoringModel.model_validate(whole | changes)


def make(folder: Path, *, people: int, activities: int, accounts: int, seed: int = 1) -> list[Segment]:
    """Write ``people.parquet``, ``accounts.parquet`` and the lake's segments below ``folder``, unless there."""
    stream = activities_stream(SYSTEM)
    lake = folder / "lake" / stream
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        lake.mkdir(parents=True)
        with duckdb.connect(":memory:", config={"memory_limit": "1GiB"}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = false")
            _draw_people(connection, folder, people, accounts, seed)
            for number, first in enumerate(range(0, activities, SEGMENT_ROWS)):
                rows = min(SEGMENT_ROWS, activities - first)
                _draw_activities(connection, lake / f"{number:05}.parquet", first, rows, activities, people, seed)
        (folder / "done").touch()
    return [_segment(folder / "lake", path) for path in sorted(lake.glob("*.parquet"))]


def _segment(root: Path, path: Path) -> Segment:
    about = pq.read_metadata(path)
    times = pq.read_table(path, columns=["occurred_at"]).column("occurred_at")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    low, high = times[0].as_py() - timedelta(days=2), times[-1].as_py() + timedelta(days=2)
    stream = activities_stream(SYSTEM)
    name = path.relative_to(root).as_posix()
    return Segment(
        name, stream, about.num_rows, low, min(high, NOW), NOW - timedelta(hours=1), digest, path.stat().st_size
    )


def _draw_people(connection: duckdb.DuckDBPyConnection, folder: Path, people: int, accounts: int, seed: int) -> None:
    titles = ", ".join("NULL" if title is None else f"'{title}'" for title in _TITLES)
    connection.execute(f"""
        COPY (SELECT printf('w%08d', i) AS person_id,
                     CASE WHEN hash(i, 1, {seed}) % 10 < 8 THEN printf('a%07d', hash(i, 2, {seed}) % {accounts}) END
                     AS account_id,
                     [{titles}][1 + (hash(i, 3, {seed}) % {len(_TITLES)})::INTEGER] AS title,
                     [10, 80, 250, 5000, NULL][1 + (hash(i, 4, {seed}) % 5)::INTEGER] AS employees,
                     ['DE', 'AT', 'US', 'FR', NULL][1 + (hash(i, 5, {seed}) % 5)::INTEGER] AS country,
                     CASE hash(i, 6, {seed}) % 20 WHEN 0 THEN 'Yes' WHEN 1 THEN 'No' END AS "bants.need"
              FROM range({people}) t(i) ORDER BY i) TO '{folder}/people.parquet'""")
    connection.execute(f"""
        COPY (SELECT printf('a%07d', i) AS account_id, [10, 80, 250, NULL][1 + (hash(i, 7, {seed}) % 4)::INTEGER]
                     AS employees FROM range({accounts}) t(i) ORDER BY i) TO '{folder}/accounts.parquet'""")
    words, tails = (", ".join(f"'{word}'" for word in each) for each in (_WORDS, _TAILS))
    connection.execute(f"""
        CREATE TABLE pages AS
        SELECT i AS place, '/' || [{words}][1 + (hash(i, 8) % {len(_WORDS)})::INTEGER] || '/'
               || [{tails}][1 + (hash(i, 9) % {len(_TAILS)})::INTEGER] || '-' || i AS path
        FROM range({PATHS}) t(i)""")


def _draw_activities(
    connection: duckdb.DuckDBPyConnection, path: Path, first: int, rows: int, total: int, people: int, seed: int
) -> None:
    """Write one segment; person n has a share that falls with n^(-4/9), so that the first has thousands."""
    start_us = int((NOW - timedelta(days=SPAN_DAYS)).timestamp() * 1_000_000)
    step_us = SPAN_DAYS * 86_400_000_000 // total
    kinds = (("page_view", 70), ("email_open", 80), ("email_click", 86), ("asset_download", 90), ("ad_click", 93),
             ("form_submit", 95), ("webinar_registered", 96), ("webinar_attended", 97), ("chat", 98),
             ("event_attended", 99), ("email_unsubscribe", 100))  # fmt: skip
    cases = " ".join(f"WHEN k < {bound} THEN '{name}'" for name, bound in kinds)
    pick = "[{}][1 + (hash(i, {}, " + str(seed) + ") % {})::INTEGER]"
    assets, forms, campaigns = (
        pick.format(", ".join(f"'{word}'" for word in each), number, len(each))
        for number, each in (
            (20, ["guide-a", "guide-b", "report-x", "sheet-1", "template-1", "other"]),
            (21, ["newsletter", "ebook-1", "trial-signup", "contact"]),
            (22, ["news-1", "news-2", "web-spring", "product-tour", "offer-q1", "fair-berlin", "misc"]),
        )
    )
    values: dict[str, str] = {
        "kind": "type",
        "id": "i::VARCHAR",
        "type": "type",
        "person_system": f"'{SYSTEM}'",
        "person_object": f"'{OBJECT}'",
        "person_id": f"floor(power((hash(i, 10, {seed}) >> 11) / 9007199254740992.0, 1.8) * {people})::BIGINT::VARCHAR",
        "occurred_at": f"make_timestamptz({start_us} + i * {step_us} - (hash(i, 12, {seed}) % 86400000000)::BIGINT)",
        "url": "'https://www.corp.example' || p.path",
        "path": "p.path",
        "asset": f"CASE WHEN type = 'asset_download' THEN {assets} END",
        "form": f"CASE WHEN type = 'form_submit' THEN {forms} END",
        "campaign": "CASE WHEN type NOT IN ('page_view', 'asset_download', 'form_submit', 'chat') "
        f"THEN {campaigns} END",
        "value": "NULL::VARCHAR",
        "subject": "CASE WHEN type = 'chat' THEN 'hello' END",
        "by_user": "NULL::VARCHAR",
        "modified_at": "NULL::TIMESTAMPTZ",
        "deleted": "false",
        "landed_at": f"make_timestamptz({int((NOW - timedelta(hours=1)).timestamp() * 1_000_000)})",
    }
    columns = ", ".join(f"{values[name]} AS {name}" for name in ACTIVITY_COLUMNS.names)
    connection.execute(f"""
        COPY (SELECT {columns} FROM (
                SELECT i, CASE {cases} END AS type, CASE WHEN k < 70 THEN hash(i, 13, {seed}) % {PATHS} END AS page
                FROM (SELECT i::BIGINT AS i, hash(i, 11, {seed}) % 100 AS k FROM range({first}, {first + rows}) t(i))
              ) LEFT JOIN pages p ON p.place = page ORDER BY occurred_at)
        TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)""")


def identities(people: int) -> pa.Table:
    """Say which source identity each person has, in order of people."""
    return pa.table(
        {
            "person": pa.array(range(people), pa.int32()),
            "system": pa.repeat(pa.scalar(SYSTEM), people),
            "object": pa.repeat(pa.scalar(OBJECT), people),
            "id": [str(number) for number in range(people)],
        }
    )
