"""The Salesforce org behind the sandbox's door."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.calls import CallLedger
from sandbox.core.faults import WIRE_FAULTS, FaultList
from sandbox.core.org import OrgOptions, Proceed
from sandbox.core.records import Records
from sandbox.salesforce.access.session import Credentials, Sessions, credentials
from sandbox.salesforce.acts import People
from sandbox.salesforce.api import Api
from sandbox.salesforce.seed.fill import seed_org
from sandbox.salesforce.seed.fresh_org import Setup
from sandbox.salesforce.shapes import org_snapshot
from sandbox.salesforce.spoil import PLAYED, Spoiler
from sandbox.salesforce.state import INTEGRATION_USERNAME, OrgState

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.core.clock import OrgClock
    from sandbox.core.faults import Fault
    from sandbox.core.http import Request, Response
    from sandbox.people.world import World

#: How long before the sample history ends the org was set up.
AGE = timedelta(days=760)


class SalesforceOrg:
    """One org in one directory; the same world, clock and options give the same org."""

    vendor = "salesforce"

    def __init__(
        self, directory: Path, clock: OrgClock, *, world: World | None = None, options: OrgOptions | None = None
    ) -> None:
        """Open the org of the directory, or make it from the world."""
        options = options if options is not None else OrgOptions()
        self.clock = clock
        self.faults = FaultList(WIRE_FAULTS | PLAYED)
        self.calls = CallLedger()
        self._records = Records(directory / "salesforce.db")
        self._state = OrgState(self._records, clock)
        if not self._records.sealed:
            self._records.clear()
            with self._records.transaction():
                setup = Setup(self._state, clock.now().replace(microsecond=0) - AGE)
                setup.fill(world)
                if world is not None:
                    seed_org(self._state, world, setup.ids)
            self._records.seal()
        for obj, name in (("User", "Username"), ("PermissionSet", "Name")):
            self._records.unique(obj, name)
        self.credentials: Credentials = credentials(
            options.seed, str(self._records.kept("org_id")), INTEGRATION_USERNAME, directory
        )
        self._sessions = Sessions(self._state, self.credentials)
        self._options = options
        self._api = Api(self._state, self._sessions, options)
        self._spoiler = Spoiler(self._api)

    @property
    def records(self) -> Records:
        """Return the org's rows, for tests that look behind the API."""
        return self._records

    def handle(self, request: Request) -> Response:
        """Answer one request of a client."""
        response, call = self._api.answer(request)
        self.calls.record(call)
        return response

    def spoil(self, fault: Fault, request: Request, proceed: Proceed) -> Response:
        """Play a fault that speaks the vendor's language."""
        response, call = self._spoiler.play(fault, request, proceed)
        if call is not None:
            self.calls.record(call)
        return response

    def snapshot(self) -> bytes:
        """Return the canonical content."""
        self._api.jobs.run_due(to_the_end=True)
        return org_snapshot(self._state)

    def act(self, acts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Do what people do in the CRM."""
        self._api.jobs.run_due(to_the_end=True)
        with self._records.transaction():
            done = [People(self._state).do(act) for act in acts]
        self._state.rights_changed()
        return done

    def reset(self) -> None:
        """Go back to the start of the seed."""
        self._records.restore()
        self._state.reload()
        self._sessions.reload()
        self._api = Api(self._state, self._sessions, self._options)
        self._spoiler = Spoiler(self._api)

    def close(self) -> None:
        """Close the file."""
        self._records.close()
