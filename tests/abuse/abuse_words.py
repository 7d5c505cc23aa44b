"""What every ending of a command is held to, whatever was done to it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pyarrow.parquet as pq

from benchmarks.survival.commands import Done
from benchmarks.survival.place import VENDORS, Place

Case = TypeVar("Case")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w")


def some(cases: Sequence[Case], *kept: Case) -> list[Case]:
    """Give the ``kept`` ones of like cases, or all of them with ``HANDOFF_ABUSE=all``: they take seconds each."""
    assert set(kept) <= set(cases)
    return list(cases) if os.environ.get("HANDOFF_ABUSE") == "all" else list(kept)


def told(done: Done, code: int, *words: str) -> dict[str, Any]:
    """Give the error that a command ended with; it has this exit code, a message, and a cure that names what to do.

    ``words`` are parts of the message or the cure. A mapping file's problems hold their cures themselves.
    """
    assert done.code == code, (done.code, done.out[-2000:], done.err[-2000:])
    error: dict[str, Any] = done.json["error"]
    assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+", error["code"]), error
    assert error["message"]
    assert error["cure"] or error.get("problems"), error
    for word in words:
        assert word in error["message"] + error["cure"], (word, error)
    assert "Traceback" not in done.err, done.err
    return error


def secrets_of(place: Place) -> set[str]:
    """Give what no log line may hold: addresses and whole names of everybody in the orgs, and every credential."""
    found: set[str] = set()
    for vendor in VENDORS:
        for record in place.snapshot(vendor)["records"]:
            fields = record["fields"]
            found |= {str(value) for key, value in fields.items() if key.lower() == "email" and value}
            name = fields.get("Name") or f"{fields.get('firstname') or ''} {fields.get('lastname') or ''}".strip()
            if record["object"] in {"Lead", "Contact", "contacts"} and " " in str(name):
                found.add(str(name))
        found |= {
            str(value)
            for key, value in place.ready[vendor].items()
            if isinstance(value, str) and any(word in key for word in ("token", "secret", "password"))
        }
    return found


def silent(place: Place, texts: Iterable[str]) -> None:
    """Hold what was logged and told to name nobody and to show no credential, nor any query of an address."""
    text = "\n".join(texts)
    found = [secret for secret in secrets_of(place) if secret.casefold() in text.casefold()]
    assert found == []
    assert _ADDRESS.search(text) is None, _ADDRESS.search(text)
    assert "?q=" not in text
    for line in text.splitlines():
        if line.startswith("{"):
            json.loads(line)


#: (system, our word) → the vendor's name of it
_KINDS = {
    ("salesforce", "lead"): "Lead",
    ("salesforce", "contact"): "Contact",
    ("salesforce", "account"): "Account",
    ("salesforce", "task"): "Task",
    ("hubspot", "contact"): "contacts",
    ("hubspot", "account"): "companies",
}


def ids_of_org(place: Place) -> dict[str, set[str]]:
    """Give the ids of everybody in the orgs, the deleted ones too, which the lake holds as deletions."""
    return {
        f"{vendor} {word}": {row.id for row in place._sandbox.running[vendor].org._records.rows(name)}
        for (vendor, word), name in _KINDS.items()
    }


def ids_in_lake(place: Place) -> dict[str, set[str]]:
    """Give the ids that the lake holds, read from its files behind the program's back."""
    found: dict[str, set[str]] = {}
    for vendor, word in _KINDS:
        files = (place.project / "var" / "lake" / "records" / vendor / word).rglob("*.parquet")
        found[f"{vendor} {word}"] = {
            str(id_) for file in files for id_ in pq.read_table(file, columns=["id"])["id"].to_pylist()
        }
    return found


def nothing_lost(place: Place, undisturbed: dict[str, bytes] | None) -> None:
    """Hold the lake to hold everybody whom the orgs hold, and the orgs to what they hold when nothing goes wrong.

    What the last cycle created in the orgs is not in the lake yet: another cycle pulls it.
    """
    if undisturbed is not None:
        assert place.snapshots() == undisturbed
    org, lake = ids_of_org(place), ids_in_lake(place)
    if org != lake:
        place.handoff("run", "--once", "--as-of", _last_clock(place), "--json")
        lake = ids_in_lake(place)
    assert {word: org[word] - lake[word] for word in org} == {word: set() for word in org}
    assert {word: lake[word] - org[word] for word in org} == {word: set() for word in org}


def _last_clock(place: Place) -> str:
    return str(place.json("status")["last_runs"][0]["as_of"])
