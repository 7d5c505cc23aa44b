"""Real people and what they did, as files that ``handoff score`` reads; what came of it stays apart.

Reads ``data/leads_x_education``, ``data/web_sessions`` and ``data/web_log`` of HANDOFF_SHARED. Nothing of it is kept.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

Row = Mapping[str, object]


@dataclass(frozen=True)
class Scene:
    """One population at one instant.

    Attributes:
        mappings: the folder below real_events_mappings.
        won: who converted, and who of the people is judged at all: person id → converted.
    """

    mappings: str
    people: Sequence[Row]
    activities: Sequence[Row]
    as_of: datetime
    won: Mapping[str, bool]


def read(*parts: str) -> list[dict[str, str]]:
    """Read one CSV file of the shared folder."""
    with Path(os.environ["HANDOFF_SHARED"], "data", *parts).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def write(path: Path, rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Write rows as CSV; what is missing is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def leads(half: int) -> Scene:
    """Take the older (0) or the newer (1) half of the leads; only what was known before somebody called."""
    rows = sorted(read("leads_x_education", "leads.csv"), key=lambda row: int(row["Lead Number"]))
    rows = rows[: len(rows) // 2] if half == 0 else rows[len(rows) // 2 :]

    def told(value: str) -> str:
        return "" if value == "Select" else value

    people = [
        {
            "person_id": row["Lead Number"],
            "lead_source": row["Lead Source"],
            "origin": row["Lead Origin"],
            "occupation": told(row["What is your current occupation"]),
            "specialization": told(row["Specialization"]),
            "no_mail": row["Do Not Email"],
            "seconds_on_site": row["Total Time Spent on Website"],
        }
        for row in rows
    ]
    won = {row["Lead Number"]: row["Converted"] == "1" for row in rows}
    return Scene("leads", people, [], datetime(2020, 1, 1, tzinfo=UTC), won)


_PAGES = (("ProductRelated", "/product"), ("Administrative", "/account"), ("Informational", "/about"))


def web_sessions(half: int, *, page_value: bool) -> Scene:
    """Take the even (0) or the odd (1) rows of the sessions, all put on one day; with ``page_value`` the leak too."""
    rows = [row for row in read("web_sessions", "sessions.csv") if int(row["row_no"]) % 2 == half]
    start = datetime(2018, 6, 1, 8, tzinfo=UTC)
    people, activities = [], []
    for row in rows:
        session = f"s{row['row_no']}"
        people.append(
            {
                "person_id": session,
                "visitor": row["VisitorType"],
                "special_day": row["SpecialDay"],
                "bounce_rate": row["BounceRates"],
                "season": row["Month"],
                "page_value": row["PageValues"] if page_value else "",
            }
        )
        deeds = [{"type": "page_view", "path": path} for name, path in _PAGES for _ in range(int(row[name]))]
        five_minutes = int(float(row["ProductRelated_Duration"]) // 300)
        deeds += [{"type": "other", "value": "product-five-minutes"}] * min(five_minutes, 50)
        activities += [
            deed | {"person_id": session, "occurred_at": (start + timedelta(seconds=number)).isoformat()}
            for number, deed in enumerate(deeds)
        ]
    won = {f"s{row['row_no']}": row["Revenue"] == "True" for row in rows}
    return Scene("web_sessions", people, activities, start + timedelta(hours=1), won)


_NO_PAGE = re.compile(
    r"\.(png|jpe?g|css|js|ico|gif|svg|ttf|woff|eot|txt|xml|xsl|jar|py|gz|zip|swf|mp4)$|[?&]flav=", re.IGNORECASE
)
_ANSWERED = frozenset({"200", "206", "301", "302", "304"})


def web_log(as_of: datetime) -> Scene:
    """Take everybody who had viewed a page by an instant; converted is who views one on the day that follows."""
    people: dict[str, Row] = {}
    activities, later = [], set()
    for number, row in enumerate(read("web_log", "hits.csv")):
        path = row["url"].partition("?")[0]
        if row["method"] != "GET" or row["status"] not in _ANSWERED or _NO_PAGE.search(row["url"]):
            continue
        if _NO_PAGE.search(path):
            continue
        at = datetime.strptime(row["timestamp"], "%d/%b/%Y:%H:%M:%S %z")
        if at > as_of:
            if at <= as_of + timedelta(days=1):
                later.add(row["visitor_id"])
            continue
        people.setdefault(row["visitor_id"], {"person_id": row["visitor_id"], "user_agent": row["user_agent"]})
        deed = {"activity_id": f"h{number}", "person_id": row["visitor_id"], "type": "page_view", "path": path}
        activities.append(deed | {"occurred_at": at.isoformat()})
    won = {visitor: visitor in later for visitor in people}
    return Scene("web_log", list(people.values()), activities, as_of, won)
