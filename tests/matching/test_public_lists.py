"""How often matching is right on public company lists; the bounds are generous, the figures are printed (``-s``)."""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from connector.domain.company_domains import NeverMatched, web_host
from connector.mapping.fields import AccountMatching
from connector.matching import ANSWERS, match

SHARED = os.environ.get("HANDOFF_SHARED")
pytestmark = pytest.mark.skipif(not SHARED, reason="HANDOFF_SHARED names no folder with the public lists")


def read(*parts):
    with Path(SHARED, "data", *parts).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def answers(people, accounts):
    found = match(
        pa.Table.from_pylist(people),
        pa.Table.from_pylist(accounts),
        matching=AccountMatching(),
        decided=ANSWERS.empty_table(),
    )
    return {row["person_id"]: row for row in found.to_pylist()}


def report(title, found, truth):
    """Print and give precision and recall of what was accepted, and how many questions are worth asking."""
    accepted = {who: row["account_id"] for who, row in found.items() if row["account_id"] and not row["review"]}
    right = sum(truth[who] == account for who, account in accepted.items())
    asked = {who: row["account_id"] for who, row in found.items() if row["review"]}
    wanted = sum(bool(account) for account in truth.values())
    precision, recall = right / max(len(accepted), 1), right / max(wanted, 1)
    worth = sum(truth[who] == account for who, account in asked.items())
    sys.stdout.write(
        f"\n{title}: {len(truth)} asked for, {len(accepted)} accepted, precision {precision:.4f}, recall {recall:.4f}; "
        f"{len(asked)} questions, the candidate right in {worth}\n"
    )
    return precision, recall


def untouched(entity):
    """Say whether an entity is in the half that the figures behind near names were not learned from."""
    return int(hashlib.md5(entity.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 1


@pytest.mark.parametrize(
    ("folder", "least_precision", "least_recall"),
    [("company_names_listed", 0.985, 0.92), ("company_names_patents", 0.96, 0.78)],
)
def test_names(folder, least_precision, least_recall):
    accounts = [{"account_id": row["account_id"], "name": row["account_name"]} for row in read(folder, "accounts.csv")]
    queries = [row for row in read(folder, "queries.csv") if untouched(row["entity"])]
    people = [{"person_id": row["query_id"], "company": row["query_name"]} for row in queries]
    truth = {row["query_id"]: row["account_id"] for row in queries}
    precision, recall = report(folder, answers(people, accounts), truth)
    assert precision >= least_precision
    assert recall >= least_recall


def test_domains():
    rows = read("company_domains", "companies.csv")
    accounts = [
        {"account_id": f"A{place}", "name": row["name"], "website": f"https://www.{row['domain']}/"}
        for place, row in enumerate(rows)
    ]
    people = [{"person_id": f"{place}", "email": f"x@mail.{row['domain']}"} for place, row in enumerate(rows)]
    found = answers(people, accounts)
    precision, recall = report("company_domains", found, {f"{place}": f"A{place}" for place in range(len(rows))})
    assert precision >= 0.995
    assert recall >= 0.99
    never = NeverMatched()
    free = [f"{place}" for place, row in enumerate(rows) if web_host(row["domain"]) in never]
    assert free
    assert all(found[who]["account_id"] is None for who in free)


def test_free_mail_never_matches():
    hosts = [
        line.strip() for line in Path(SHARED, "data", "lists", "free_email_domains.txt").read_text("utf-8").splitlines()
    ]
    known = [host for host in hosts if host and web_host(host) in NeverMatched()][:3000]
    assert len(known) > 1000
    accounts = [{"account_id": f"A{place}", "website": host} for place, host in enumerate(known)]
    people = [{"person_id": f"{place}", "email": f"x@{host}"} for place, host in enumerate(known)]
    assert {row["method"] for row in answers(people, accounts).values()} == {"none"}
