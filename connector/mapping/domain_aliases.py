"""Domains that stand for others: read from a file, chains followed, rings refused; shared ones must be domains."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from connector.domain.company_domains import registrable, web_host
from connector.mapping.fields import MatchingFile
from connector.mapping.places import Found, Node, Place, at

_COLUMNS = ["domain", "stands_for"]


def with_aliases(
    matching: MatchingFile, root: Node, found: Found, file: tuple[bytes | None, Found] | None
) -> MatchingFile:
    """Give the file with all its aliases in normal form, each leading to its end; problems are noted with their line.

    ``file`` is what ``aliases_file`` names: its bytes, None when it cannot be read, and where its problems go; None as
    a whole where files cannot be looked at, and then it counts as empty.
    """
    account = matching.account
    for number, domain in enumerate(account.shared_domains):
        if not _names_a_domain(domain):
            spot = ("account", "shared_domains", number)
            found.add(at(root, spot), spot, f"{domain[:60]!r} is no domain; write it like agency.example")
    places: dict[str, tuple[Found, Place, str]] = {}
    stands: dict[str, str] = {}
    for domain, target in account.aliases.items():
        path = ("account", "aliases", domain)
        _take(stands, places, (domain, target), (found, at(root, path, key=True), ".".join(path)))
    if file is not None and account.aliases_file is not None:
        content, rows_found = file
        if content is None:
            note = f"{account.aliases_file} cannot be read; it is looked for beside this file"
            found.add(at(root, ("account", "aliases_file")), ("account", "aliases_file"), note)
        else:
            for line, row in _rows(content, rows_found):
                _take(stands, places, row, (rows_found, Place(line, 1), "domain"))
    ends: dict[str, str] = {}
    for domain in stands:
        end = _end(domain, stands)
        if end is None:
            where, place, key = places[domain]
            where.add(place, key.split("."), f"{domain} leads back to itself; let one of the ring stand for no other")
        else:
            ends[domain] = end
    return matching.model_copy(update={"account": account.model_copy(update={"aliases": ends})})


def _names_a_domain(text: str) -> bool:
    """Say whether somebody could own it: an address, a page and an ending alone are none."""
    return not set("@/ ") & set(text.strip()) and bool(registrable(web_host(text)))


def aliases_path(matching: MatchingFile, folder: Path) -> Path | None:
    """Say where the file of aliases lies, or None without one."""
    name = matching.account.aliases_file
    return None if name is None else folder / name


def _take(
    stands: dict[str, str],
    places: dict[str, tuple[Found, Place, str]],
    row: tuple[str, str],
    where: tuple[Found, Place, str],
) -> None:
    found, place, key = where
    domain, target = web_host(row[0]), web_host(row[1])
    if not domain or not target:
        wrong = row[0] if not domain else row[1]
        found.add(place, key.split("."), f"{wrong[:60]!r} is no domain; write it like acme.example")
    elif stands.get(domain, target) != target:
        found.add(place, key.split("."), f"{domain} stands for {stands[domain]} already; keep one of the two")
    else:
        stands[domain] = target
        places.setdefault(domain, where)


def _end(domain: str, stands: Mapping[str, str]) -> str | None:
    seen = {domain}
    while domain in stands:
        domain = stands[domain]
        if domain in seen:
            return None
        seen.add(domain)
    return domain


def _rows(content: bytes, found: Found) -> list[tuple[int, tuple[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        found.add(Place(1, 1), (), "the file is no UTF-8; save it as UTF-8")
        return []
    reader = csv.reader(io.StringIO(text))
    header = [each.strip() for each in next(reader, [])]
    if header != _COLUMNS:
        found.add(Place(1, 1), (), "the first line must be: domain,stands_for")
        return []
    rows = []
    for row in reader:
        if not any(each.strip() for each in row):
            continue
        if len(row) != len(_COLUMNS):
            found.add(Place(reader.line_num, 1), (), "a line has two values: the domain, and the one it stands for")
        else:
            rows.append((reader.line_num, (row[0], row[1])))
    return rows
