"""Files for ``benchmarks/load.py``: marketing's people and activities, and a CRM that knows some of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

#: activities per file: exports come in parts
PART_ROWS = 1_000_000
#: people per account, and which share of people the CRM knows as leads and as contacts
PEOPLE_PER_ACCOUNT, LEADS, CONTACTS = 20, 0.08, 0.07
_FIRST = ("Ada", "Bo", "Chen", "Dana", "Eli", "Femi", "Gita", "Hugo", "Ines", "Jun", "Kai", "Lena", "Milo", "Nora")
_LAST = ("Abel", "Berg", "Costa", "Dorn", "Evans", "Fuchs", "Grau", "Haas", "Ito", "Jensen", "Kern", "Lund", "Meyer")
_TITLES = ("VP Sales", "Marketing Manager", "Head of IT", "Analyst", "CEO", "Student", "Project Lead", "", "Buyer")
_COUNTRIES = ("DE", "AT", "CH", "US", "FR", "GB", "JP")
_INDUSTRIES = ("Software", "Retail", "Banking", "Health", "")
_SIZES = ("5", "30", "80", "250", "2000", "")
_TYPES = ("page_view", "email_open", "email_click", "asset_download", "webinar_attended", "form_submit", "email_sent")
_SHARES = (0.5, 0.2, 0.1, 0.06, 0.02, 0.02, 0.1)
_PATHS = ("/", "/pricing", "/demo", "/products/crm", "/docs/start", "/customers/acme", "/careers", "/blog/handover")
_ASSETS = ("buyers-guide", "crm-checklist", "benchmark-report")
_FORMS = ("newsletter", "whitepaper-download", "contact-us")
_FORM_SHARES = (0.6, 0.38, 0.02)


def write_files(folder: Path, people: int, activities: int, *, at: datetime, seed: int = 1) -> None:
    """Write ``data/`` (people and activities up to ``at``, in order of time) and ``crm/`` below a folder."""
    chance = np.random.default_rng(seed)
    for name in ("data", "crm"):
        (folder / name).mkdir()
    table = _people(chance, people, at)
    pq.write_table(table, folder / "data" / "people.parquet")
    seconds = np.sort(chance.integers(60, 180 * 86_400, activities))[::-1]
    for part, first in enumerate(range(0, activities, PART_ROWS)):
        rows = _activities(chance, first, seconds[first : first + PART_ROWS], people, at)
        pq.write_table(rows, folder / "data" / f"activities-{part:03}.parquet")
    _crm(chance, folder / "crm", table, at)


def _pick(
    chance: np.random.Generator, words: Sequence[str], count: int, shares: Sequence[float] | None = None
) -> pa.Array:
    """Draw words; the empty one stands for nothing."""
    drawn = pa.array(list(words), pa.string()).take(pa.array(chance.choice(len(words), count, p=shares)))
    return pc.if_else(pc.equal(drawn, ""), None, drawn)


def _numbered(before: str, numbers: np.ndarray, after: str = "") -> pa.Array:
    return pc.binary_join_element_wise(before, pc.cast(pa.array(numbers), pa.string()), after, "")


def _instants(at: datetime, seconds_before: np.ndarray) -> pa.Array:
    """Write instants as exports do: ISO 8601, UTC."""
    instants = pa.array(int(at.timestamp()) - seconds_before, pa.timestamp("s"))
    return pc.strftime(instants, "%Y-%m-%dT%H:%M:%SZ")


def _people(chance: np.random.Generator, count: int, at: datetime) -> pa.Table:
    number = np.arange(count)
    company = chance.integers(0, max(1, count // PEOPLE_PER_ACCOUNT * 2), count)
    website = _numbered("https://firm", company, ".example")
    created = chance.integers(180 * 86_400, 1000 * 86_400, count)
    email = pc.binary_join_element_wise(_numbered("p", number, ""), _numbered("firm", company, ".example"), "@")
    return pa.table(
        {
            "person_id": _numbered("P", number),
            "email": email,
            "first_name": _pick(chance, _FIRST, count),
            "last_name": _pick(chance, _LAST, count),
            "title": _pick(chance, _TITLES, count),
            "company": _numbered("Firm ", company, " GmbH"),
            "website": website,
            "country": _pick(chance, _COUNTRIES, count),
            "state": pa.nulls(count, pa.string()),
            "city": _pick(chance, ("Berlin", "Wien", "Paris", "Austin", ""), count),
            "phone": _numbered("+49 30 ", number + 1_000_000),
            "industry": _pick(chance, _INDUSTRIES, count),
            "employees": _pick(chance, _SIZES, count),
            "revenue": pa.nulls(count, pa.string()),
            "lead_source": _pick(chance, ("Web", "Tradeshow", "Referral", ""), count),
            "created_at": _instants(at, created),
            "updated_at": _instants(at, chance.integers(3600, 180 * 86_400, count)),
        }
    )


def _activities(chance: np.random.Generator, first: int, before: np.ndarray, people: int, at: datetime) -> pa.Table:
    count = len(before)
    # a few people do most of what is done
    person = (people * chance.random(count) ** 1.7).astype(np.int64)
    type_ = _pick(chance, _TYPES, count, _SHARES)

    def only(name: str, values: pa.Array) -> pa.Array:
        return pc.if_else(pc.equal(type_, name), values, None)

    path = only("page_view", _pick(chance, _PATHS, count))
    return pa.table(
        {
            "activity_id": _numbered("A", first + np.arange(count)),
            "person_id": _numbered("P", person),
            "type": type_,
            "occurred_at": _instants(at, before),
            "url": pc.binary_join_element_wise("https://www.corp.example", path, ""),
            "path": path,
            "asset": only("asset_download", _pick(chance, _ASSETS, count)),
            "form": only("form_submit", _pick(chance, _FORMS, count, _FORM_SHARES)),
            "campaign": only("email_click", _pick(chance, ("autumn", "spring"), count)),
            "value": pa.nulls(count, pa.string()),
        }
    )


def _crm(chance: np.random.Generator, folder: Path, people: pa.Table, at: datetime) -> None:
    """Write users, queues, accounts, and the leads and contacts who are also marketing's."""
    users = [("U1", "rep1@corp.example"), ("U2", "rep2@corp.example"), ("U3", "rep3@corp.example")]
    _csv(folder / "users.csv", {"Id": [id_ for id_, _ in users], "Username": [name for _, name in users]})
    _csv(folder / "queues.csv", {"Id": ["Q1"], "Name": ["Unassigned"]})
    count = people.num_rows
    firms = max(1, count // PEOPLE_PER_ACCOUNT)
    number = np.arange(firms)
    stamp = _instants(at, np.full(firms, 90 * 86_400))
    accounts = {
        "Id": _numbered("ACC", number),
        "Name": _numbered("Firm ", number, " GmbH"),
        "Website": _numbered("https://firm", number, ".example"),
        "NumberOfEmployees": _pick(chance, _SIZES, firms),
        "OwnerId": _pick(chance, ("U1", "U2", "U3"), firms),
        "CreatedDate": stamp,
        "LastModifiedDate": stamp,
    }
    pq.write_table(pa.table(accounts), folder / "accounts.parquet")
    known = chance.permutation(count)[: int(count * (LEADS + CONTACTS))]
    leads = int(count * LEADS)
    pq.write_table(_records(chance, "L", people.take(np.sort(known[:leads])), at), folder / "leads.parquet")
    pq.write_table(_records(chance, "C", people.take(np.sort(known[leads:])), at), folder / "contacts.parquet")


def _records(chance: np.random.Generator, letter: str, people: pa.Table, at: datetime) -> pa.Table:
    count = people.num_rows
    stamp = _instants(at, chance.integers(30 * 86_400, 170 * 86_400, count))
    table = {
        "Id": _numbered(letter, np.arange(count)),
        "Email": people["email"],
        "FirstName": people["first_name"],
        "LastName": people["last_name"],
        "Title": people["title"],
        "OwnerId": _pick(chance, ("U1", "U2", "U3", ""), count),
        "CreatedDate": stamp,
        "LastModifiedDate": stamp,
    }
    if letter == "L":
        table |= {"Company": people["company"], "Status": pa.array(["Open - Not Contacted"] * count)}
    else:
        table["AccountId"] = pc.replace_substring_regex(people["company"], r"^Firm (\d+) GmbH$", r"ACC\1")
    return pa.table(table)


def _csv(path: Path, columns: dict[str, list[str]]) -> None:
    pacsv.write_csv(pa.table(columns), path)
