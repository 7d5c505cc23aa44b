"""Who was erased, known by hashes only: whoever comes back under an erased id or address is left alone."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import pyarrow as pa

from connector.domain.refs import Ref, digest, normal_email

#: the kind of reference of people who are known by their address only
_ADDRESS = "email"


def graves(install: str, references: Iterable[str], addresses: Iterable[str]) -> set[str]:
    """Give the hashes under which an erased person is remembered: of each reference (as text) and each address."""
    emails = {normal_email(address) for address in addresses} - {""}
    return {digest("grave", install, name) for name in {*references, *emails}}


class Graveyard:
    """Everybody who was erased, asked by reference."""

    def __init__(self, install: str, buried: AbstractSet[str]) -> None:
        self._install = install
        self._buried = buried

    def __bool__(self) -> bool:
        """Say whether anybody was erased."""
        return bool(self._buried)

    def holds(self, reference: Ref | str) -> bool:
        """Say whether a reference, or the address that it is, was erased."""
        if not self._buried:
            return False
        ref = reference if isinstance(reference, Ref) else Ref.parse(reference)
        return not self._buried.isdisjoint(
            graves(self._install, [str(ref)], [ref.id] if ref.object == _ADDRESS else [])
        )


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
    yard = Graveyard(install, buried)
    found = set()
    for row in references.to_pylist():
        if yard.holds(Ref(row["system"], row["object"], row["id"])):
            found.add(str(row["person_id"]))
    for person, address in addresses:
        if address and not buried.isdisjoint(graves(install, (), [address])):
            found.add(person)
    return found
