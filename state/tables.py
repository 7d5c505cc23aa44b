"""The tables as typed columns, for statements built with SQLAlchemy; the migrations create them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, Float, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator

from state.instants import from_us, to_us

METADATA = MetaData()


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Give the number to store."""
        del dialect
        return to_us(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Give the instant that was stored."""
        del dialect
        return from_us(value)


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, METADATA, *columns)


def _word(name: str, *, key: bool = False, empty: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=empty)


def _number(name: str, *, key: bool = False, empty: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=empty)


def _instant(name: str, *, key: bool = False, empty: bool = False) -> Column[datetime]:
    return Column(name, Instant, primary_key=key, nullable=empty)


def _fraction(name: str) -> Column[float]:
    return Column(name, Float)


SEGMENTS = _table(
    "segments",
    _word("path", key=True),
    _number("number"),
    _word("stream"),
    _number("rows"),
    _instant("low"),
    _instant("high"),
    _instant("landed_at"),
    _word("sha256"),
    _number("size_bytes"),
    _instant("retired_at", empty=True),
)
CURSORS = _table("cursors", _word("system", key=True), _word("stream", key=True), _word("cursor"))
CALLS = _table("calls", _word("system", key=True), _instant("at", key=True), _word("cause", key=True), _number("calls"))
IDENTITIES = _table(
    "identities",
    _word("system", key=True),
    _word("object", key=True),
    _word("id", key=True),
    _word("person_id"),
    _instant("since", empty=True),
)
IDENTITIES_PAST = _table(
    "identities_past",
    _word("system", key=True),
    _word("object", key=True),
    _word("id", key=True),
    _word("person_id"),
    _instant("since", empty=True),
    _instant("until", key=True),
)
PERSONS = _table(
    "persons",
    _word("person_id", key=True),
    _word("subject", empty=True),
    _word("stage", empty=True),
    _instant("stage_since", empty=True),
    _number("stage_entry", empty=True),
    _instant("cool_off_until", empty=True),
    _word("disposition", empty=True),
    _word("account_id", empty=True),
    _word("match_method", empty=True),
    _fraction("match_confidence"),
    _word("match_evidence", empty=True),
    _word("runner_up", empty=True),
    _word("shown", empty=True),
)
STAGE_MOVES = _table(
    "stage_moves",
    _word("person_id", key=True),
    _number("entry", key=True),
    _word("from_stage", empty=True),
    _word("to_stage", key=True),
    _instant("at", key=True),
    _word("because", empty=True),
    _word("run_id"),
)
SCORE_HISTORY = _table(
    "score_history",
    _word("person_id", key=True),
    _instant("at", key=True),
    _word("run_id", key=True),
    _word("model", key=True),
    _fraction("fit"),
    _fraction("interest"),
    _fraction("qualification"),
    _fraction("total"),
    _word("grade", empty=True),
    _word("verdict", empty=True),
    _word("lines", empty=True),
)
ACCOUNT_MOVES = _table(
    "account_moves",
    _word("person_id", key=True),
    _instant("at", key=True),
    _word("from_account"),
    _word("to_account"),
    _word("cause"),
    _word("run_id", key=True),
)
VERSIONS = _table(
    "versions",
    _word("kind", key=True),
    _number("number", key=True),
    _word("digest"),
    _word("files"),
    _word("by"),
    _word("because"),
    _instant("first_used"),
)
VERSION_USES = _table(
    "version_uses",
    _word("kind", key=True),
    _number("place", key=True),
    _number("number"),
    _instant("since"),
    _word("run_id"),
    _word("results"),
)
ACCOUNTS = _table("accounts", _word("account_id", key=True), _word("shown"))
REVIEWS = _table(
    "reviews",
    _word("id", key=True),
    _word("kind"),
    _word("person_id"),
    _word("candidates"),
    _instant("opened_at"),
    _word("state"),
    _word("answer"),
    _word("answered_by", empty=True),
    _instant("answered_at", empty=True),
)
ROTATIONS = _table("rotations", _word("pool", key=True), _word("place"))
MARKS = _table("marks", _word("name", key=True), _instant("at"))
TOMBSTONES = _table("tombstones", _word("hash", key=True), _instant("at"), _word("grave"))
OUTBOX = _table(
    "outbox",
    _number("id", key=True),
    _word("key"),
    _word("kind"),
    _word("object"),
    _word("target_id", empty=True),
    _word("lane"),
    _word("grp"),
    _number("seq"),
    _word("cause"),
    _word("rule"),
    _word("person_id"),
    _word("reason"),
    _word("run_id"),
    _word("plan_id"),
    Column("priority", Integer, nullable=False),
    _instant("decided_at"),
    _word("body"),
    _word("depends_on"),
    _word("state"),
    _word("held_by"),
    Column("attempts", Integer, nullable=False),
    _instant("not_before", empty=True),
    _instant("sent_at", empty=True),
    _word("lease_owner", empty=True),
    _instant("lease_until", empty=True),
    _word("record_id", empty=True),
    _word("result", empty=True),
    _word("before_values", empty=True),
    Column("was_unknown", Integer, nullable=False),
    Column("dismissed", Integer, nullable=False),
    _instant("settled_at", empty=True),
    _word("code"),
    _word("message"),
    _word("fixer"),
)
OUTBOX_NEEDS = _table("outbox_needs", _number("row_id", key=True), _word("key", key=True))
OUTBOX_QUIET = _table("outbox_quiet", _word("lane", key=True), _number("row_id"), _instant("until"))
OUTBOX_TAKEN = _table(
    "outbox_taken",
    _number("first", key=True),
    _word("owner"),
    _instant("sent_at"),
    _instant("lease_until"),
    _word("ids"),
)
TASK_TIMES = _table(
    "task_times",
    _word("key", key=True),
    _word("rule"),
    _word("opened_by"),
    _instant("event_at"),
    _instant("task_at", empty=True),
)
RUNS = _table(
    "runs",
    _word("id", key=True),
    _number("number"),
    _word("plan_id"),
    _word("kind"),
    _word("mode"),
    _instant("as_of"),
    _instant("started_at"),
    _instant("ended_at", empty=True),
    _word("verdict"),
    _word("report"),
)
PLANS = _table("plans", _word("id", key=True), _instant("made_at"), _word("body"))
PAUSES = _table("pauses", Column("number", Integer, primary_key=True), _word("who"), _instant("at"))
LEASES = _table("leases", _word("name", key=True), _word("owner"), _instant("until"), _number("generation"))
AUDIT = _table("audit", _number("id", key=True), _instant("at"), _word("who"), _word("what"), _word("details"))
SETTINGS = _table("settings", _word("name", key=True), _word("value"))
QUARANTINE = _table(
    "quarantine",
    _word("system", key=True),
    _word("kind", key=True),
    _word("id", key=True),
    _word("type"),
    _word("ref_system"),
    _word("ref_object"),
    _word("ref_id"),
    _word("campaign", empty=True),
    _instant("occurred_at"),
    _word("state"),
    _instant("since"),
    _word("patterns"),
    _number("after_ms", empty=True),
    _word("after", empty=True),
    _number("at_once", empty=True),
    _number("version"),
)
QUARANTINE_PAST = _table(
    "quarantine_past",
    _word("system", key=True),
    _word("kind", key=True),
    _word("id", key=True),
    _instant("since", key=True),
    _word("state"),
    _instant("until"),
)
QUARANTINE_ANSWERS = _table(
    "quarantine_answers",
    _number("number", key=True),
    _word("answer"),
    _word("scope"),
    _word("name"),
    _word("who"),
    _instant("at"),
    _instant("known_at", empty=True),
)
