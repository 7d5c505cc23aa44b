"""What the door asks of an org."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sandbox.core.calls import CallLedger
    from sandbox.core.clock import OrgClock
    from sandbox.core.faults import Fault, FaultList
    from sandbox.core.http import Request, Response

#: Carries a request out; a fault may call it, or not, or twice.
Proceed = Callable[["Request"], "Response"]


@dataclass(slots=True, frozen=True)
class OrgOptions:
    """How an org starts; the same options and the same clock give the same org."""

    seed: int = 1
    #: Users, standard fields and no people.
    empty: bool = False
    #: Activity fields may be Unique.
    unique_task_key: bool = True


class BadAct(ValueError):
    """A person cannot do that here; the message says why and is shown to the caller."""


class Org(Protocol):
    """One vendor's org. All methods are called one at a time, under the door's lock.

    An org is built by ``SomeOrg(directory, clock, world=…, options=…)``; ``world`` is None for an empty org, and is not
    looked at when the directory already holds one.
    """

    #: Short name, as in the JSON line of the sandbox: salesforce, hubspot …
    vendor: str
    clock: OrgClock
    #: Made with the faults this org can play: ``FaultList(WIRE_FAULTS | {...})``.
    faults: FaultList
    calls: CallLedger

    def handle(self, request: Request) -> Response:
        """Answer one request of a client and record it in ``calls``."""

    def spoil(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Answer a request that a vendor fault hits: refuse it, or change the org or the answer around ``proceed``.

        A refusal records its call itself, with ``apart='fault'``.
        """

    def snapshot(self) -> bytes:
        """Return the canonical content, see ``sandbox.core.snapshot``."""

    def act(self, acts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Do what people do, in order, all or nothing, and return one result per act.

        Raises: BadAct.
        """

    def reset(self) -> None:
        """Go back to the start of the seed; clock, ledger and faults are the door's."""

    def close(self) -> None:
        """Close the files."""
