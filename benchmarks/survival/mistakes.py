"""Mistakes that a program could make at the CRM's port, planted so that tests see the judge find them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from adapters.salesforce import SalesforceCrm
from adapters.salesforce.schema import KEY_FIELD
from connector.domain.writes import Write, WriteOutcome
from connector.ports.traits import AdapterTraits


def _double() -> None:
    """Make the key of a creation anew for each call, in place of once for each decision."""
    apply = SalesforceCrm.apply

    def careless(crm: SalesforceCrm, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        outcomes = apply(crm, [_keyed_anew(write) for write in writes], now=now)
        return [outcome.but(key=write.key) for outcome, write in zip(outcomes, writes, strict=True)]

    SalesforceCrm.apply = careless  # type: ignore[method-assign,assignment]


def _keyed_anew(write: Write) -> Write:
    if write.kind != "create":
        return write
    return replace(write, key=uuid4().hex, fields={n: value for n, value in write.fields.items() if n != KEY_FIELD})


def _lose() -> None:
    """Believe of whatever was on its way that it arrived."""
    traits = SalesforceCrm.traits

    def forgetful(crm: SalesforceCrm) -> AdapterTraits:
        return replace(traits(crm), creation_key_unique={})

    def trusting(_: SalesforceCrm, writes: Sequence[Write]) -> Mapping[str, str | None]:
        return {write.key: write.id or "00Q000000000000AAA" for write in writes}

    SalesforceCrm.traits = forgetful  # type: ignore[method-assign,assignment]
    SalesforceCrm.find_applied = trusting  # type: ignore[method-assign,assignment]


def _overwrite() -> None:
    """Write what people also write without looking at it."""
    apply = SalesforceCrm.apply

    def blind(crm: SalesforceCrm, writes: Sequence[Write], *, now: datetime) -> Sequence[WriteOutcome]:
        forced = [replace(write, ours=frozenset(write.fields), if_blank=frozenset()) for write in writes]
        return apply(crm, forced, now=now)

    SalesforceCrm.apply = blind  # type: ignore[method-assign,assignment]


MISTAKES: Mapping[str, Callable[[], None]] = {"double": _double, "lose": _lose, "overwrite": _overwrite}


def make(name: str) -> None:
    """Let this process make a mistake from now on."""
    MISTAKES[name]()
