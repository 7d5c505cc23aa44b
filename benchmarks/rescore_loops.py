"""The same scores by loops: a tight one over plain tuples in memory, and one person at a time through an ORM.

Both do less than the engine (floating points, no ranges, no rounding that adds up, accounts left to nobody) and are run
over a sample of people; the caller says by how much it multiplies.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from benchmarks.rescore_data import GROUPS, RULES
from benchmarks.rescore_sql import TODAY

#: type, path, asset, form, campaign, subject, local day
Deed = tuple[str, str | None, str | None, str | None, str | None, str | None, int]
_FIELDS = {"path": 1, "asset": 2, "form": 3, "campaign": 4, "subject": 5}
_DECIDER, _JUNIOR = re.compile(r"\b(chief|vp|director|head)\b"), re.compile(r"\b(student|intern)\b")


def _test(where: dict[str, Any]) -> Callable[[Deed], bool]:
    (field, test), place = next(iter(where.items())), 0
    place = _FIELDS[field]
    (how, text) = next(iter(test.items()))
    if how == "matches":
        find = re.compile(text).search
        return lambda deed: deed[place] is not None and find(deed[place]) is not None  # type: ignore[arg-type]
    if how == "contains":
        return lambda deed: deed[place] is not None and text in deed[place]  # type: ignore[operator]
    return lambda deed: deed[place] is not None and deed[place].startswith(text)  # type: ignore[union-attr]


_BY_TYPE: dict[str, list[tuple[int, Callable[[Deed], bool]]]] = defaultdict(list)
for _number, _rule in enumerate(RULES):
    _BY_TYPE[_rule.on].append((_number, _test(_rule.where)))
_FACTORS = [
    [0.5 ** (age / rule.half_life) if rule.half_life else 1.0 for age in range(740)] for rule in RULES
]  # fmt: skip


def score_one(
    title: str | None, employees: int | None, country: str | None, deeds: Iterable[Deed]
) -> tuple[float, dict[int, float]]:
    """Score one person whose deeds come in order of time; give total and lines."""
    folded = (title or "").casefold()
    fit = 40 * bool(_DECIDER.search(folded)) - 30 * bool(_JUNIOR.search(folded))
    fit += 40 * ((employees or 0) >= 200) + 10 * (country in ("DE", "AT", "CH"))
    lines: dict[int, float] = defaultdict(float)
    ranks: dict[int, int] = defaultdict(int)
    windows: dict[tuple[int, int], int] = defaultdict(int)
    for deed in deeds:
        day = deed[6]
        for number, holds in _BY_TYPE.get(deed[0], ()):
            if not holds(deed):
                continue
            rule = RULES[number]
            if rule.at_most is not None:
                window = number, day // rule.at_most[1]
                windows[window] += 1
                if windows[window] > rule.at_most[0]:
                    continue
            points = rule.points
            lines[number] += points[min(ranks[number], len(points) - 1)] * _FACTORS[number][max(0, TODAY - day)]
            ranks[number] += 1
    for number, points_ in lines.items():
        cap = RULES[number].cap
        if cap is not None:
            lines[number] = max(-cap, min(cap, points_))
    for name, (most, least) in GROUPS.items():
        mine = [number for number in lines if RULES[number].group == name]
        up, down = (sum(lines[n] for n in mine if lines[n] * sign > 0) for sign in (1, -1))
        for number in mine:
            if lines[number] > 0 and up > most:
                lines[number] *= most / up
            elif lines[number] < 0 and least is not None and down < least:
                lines[number] *= least / down
    lines = {number: round(points_, 1) for number, points_ in lines.items()}
    interest = min(100.0, max(0.0, sum(lines.values())))
    return (min(100, max(0, fit)) + interest) / 3, lines


def _sample(folder: Path, share: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Read one person in ``share`` and what they did, in order of time."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        people = connection.sql(
            "SELECT substr(person_id, 2)::INTEGER AS n, title, employees, country "
            f"FROM '{folder}/people.parquet' WHERE n % {share} = 0"
        ).fetchall()
        deeds = connection.sql(
            "SELECT person_id::INTEGER AS n, type, path, asset, form, campaign, subject, "
            "date_diff('day', DATE '1970-01-01', occurred_at::DATE)::INTEGER AS day "
            f"FROM read_parquet('{folder}/lake/activities/web/*.parquet') WHERE n % {share} = 0 ORDER BY occurred_at"
        ).fetchall()
    return people, deeds


def tight_loop(folder: Path, share: int) -> tuple[float, int]:
    """Score a sample that is in memory as tuples; give seconds of processor, grouping included, and people."""
    people, deeds = _sample(folder, share)
    begin = time.process_time()
    by_person: dict[int, list[Deed]] = defaultdict(list)
    for row in deeds:
        by_person[row[0]].append(row[1:])  # type: ignore[arg-type]
    scored = [score_one(title, employees, country, by_person.get(n, ())) for n, title, employees, country in people]
    return time.process_time() - begin, len(scored)


class _Base(DeclarativeBase):
    pass


class _Person(_Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str | None]
    employees: Mapped[int | None]
    country: Mapped[str | None]
    total: Mapped[float | None]
    deeds: Mapped[list[_Deed]] = relationship(order_by="_Deed.id")
    lines: Mapped[list[_Line]] = relationship(cascade="all, delete-orphan")


class _Deed(_Base):
    __tablename__ = "deed"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    type: Mapped[str]
    path: Mapped[str | None]
    asset: Mapped[str | None]
    form: Mapped[str | None]
    campaign: Mapped[str | None]
    subject: Mapped[str | None]
    day: Mapped[int]


class _Line(_Base):
    __tablename__ = "line"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    rule: Mapped[int]
    points: Mapped[float]


def orm_loop(folder: Path, share: int, database: Path) -> tuple[float, int]:
    """Score a sample one person at a time through SQLAlchemy on SQLite, written; seconds of processor, people."""
    people, deeds = _sample(folder, share)
    database.unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{database}")
    _Base.metadata.create_all(engine)
    names = ("id", "title", "employees", "country")
    columns = ("person_id", "type", "path", "asset", "form", "campaign", "subject", "day")
    with Session(engine) as session:
        session.execute(_Person.__table__.insert(), _rows(names, people))  # type: ignore[attr-defined]
        session.execute(_Deed.__table__.insert(), _rows(columns, deeds))  # type: ignore[attr-defined]
        session.commit()
    begin = time.process_time()
    for n, *_ in people:
        with Session(engine) as session:
            person = session.get_one(_Person, n, options=[selectinload(_Person.deeds)])
            told = [(d.type, d.path, d.asset, d.form, d.campaign, d.subject, d.day) for d in person.deeds]
            person.total, lines = score_one(person.title, person.employees, person.country, told)
            person.lines = [_Line(rule=rule, points=points) for rule, points in lines.items()]
            session.commit()
    seconds = time.process_time() - begin
    engine.dispose()
    return seconds, len(people)


def _rows(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]
