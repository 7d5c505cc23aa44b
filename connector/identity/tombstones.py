"""Who was erased, known by hashes only: whoever comes back under an erased id or address is left alone."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import pyarrow as pa

from connector.domain.refs import digest, normal_email


def graves(install: str, references: Iterable[str], addresses: Iterable[str]) -> set[str]:
    """Give the hashes under which an erased person is remembered: of each reference (as text) and each address."""
    emails = {normal_email(address) for address in addresses} - {""}
    return {digest("grave", install, name) for name in {*references, *emails}}


def erased_persons(
    install: str, buried: AbstractSet[str], references: pa.Table, addresses: Iterable[tuple[str, str | None]]
) -> set[str]:
    """Give the persons one of whose references or addresses was erased.

    Args:
        install: the installation's word.
        buried: hashes of everybody erased (``graves``).
        references: schema ``IDENTITIES``.
        addresses: (person id, e-mail address) pairs.
    """
    if not buried:
        return set()
    found = set()
    for row in references.to_pylist():
        names = [f"{row['system']}:{row['object']}:{row['id']}"]
        if not buried.isdisjoint(graves(install, names, [row["id"]] if row["object"] == "email" else [])):
            found.add(str(row["person_id"]))
    for person, address in addresses:
        if address and not buried.isdisjoint(graves(install, (), [address])):
            found.add(person)
    return found
