"""The door of one org: the control surface, the faults of the wire, and one request at a time."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.core.calls import Call
from sandbox.core.control import PREFIX, control
from sandbox.core.http import Response, Wire

if TYPE_CHECKING:
    import datetime as dt

    from sandbox.core.faults import Fault
    from sandbox.core.http import Request
    from sandbox.core.org import Org

HTML_502 = (
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr></body></html>"
)
#: Label of faulted requests in the ledger: what a fault costs is not the client's doing.
FAULTED = "fault"


@dataclass(slots=True)
class _Late:
    due: dt.datetime
    request: Request


class Door:
    """Serve an org to several ports at once; give ``handle`` to each server."""

    def __init__(self, org: Org, start: dt.datetime | None = None) -> None:
        """Open the door; ``start`` is where ``reset`` puts the org's clock, its present one if not given."""
        self._org = org
        self._lock = threading.RLock()
        self._late: list[_Late] = []
        self._start = start or org.clock.now()

    def handle(self, request: Request) -> Response:
        """Answer a request; what breaks inside the org is a readable 500, never a hanging client."""
        try:
            if request.path.startswith(PREFIX):
                with self._lock:
                    self._commit_late()
                    return control(self._org, request, self._reset)
            with self._lock:
                fault = self._org.faults.strike(request.method, request.path)
            return self._proceed(request) if fault is None else self._faulted(fault, request)
        except Exception:  # noqa: BLE001 - the server loop is a door
            return Response(500, {"sandbox_fault": traceback.format_exc().splitlines()[-12:]})

    def close(self) -> None:
        """Wait for the request at work and close the org."""
        with self._lock:
            self._org.close()

    def _reset(self) -> None:
        """Go back to the start of the seed, clock and ledger included; no fault is in force then."""
        self._late.clear()
        self._org.clock.set(self._start)
        self._org.faults.clear()
        self._org.reset()
        self._org.calls.reset()

    def _proceed(self, request: Request) -> Response:
        with self._lock:
            self._commit_late()
            return self._org.handle(request)

    def _commit_late(self) -> None:
        """Carry out what was to commit by now on the org's clock, before anybody can look."""
        now = self._org.clock.now()
        due = [late for late in self._late if late.due <= now]
        self._late = [late for late in self._late if late.due > now]
        for late in due:
            self._org.handle(late.request)

    def _note(self, request: Request, status: int) -> None:
        with self._lock:
            self._org.calls.record(Call(request.method, request.path, status, apart=FAULTED))

    def _faulted(self, fault: Fault, request: Request) -> Response:
        seconds = fault.after.total_seconds()
        match fault.what:
            case "drop_after_commit":
                response = self._proceed(request)
                response.wire = Wire("drop")
                return response
            case "commit_late":
                with self._lock:
                    self._late.append(_Late(self._org.clock.now() + fault.after, request))
                return Response(0, wire=Wire("drop"))
            case "duplicate":
                # The client sees one answer, as after a proxy that resent: the second one.
                self._proceed(request)
                return self._proceed(request)
            case "reset":
                self._note(request, 0)
                return Response(0, wire=Wire("reset"))
            case "truncate":
                response = self._proceed(request)
                response.wire = Wire("truncate")
                return response
            case "html_502":
                self._note(request, 502)
                return Response(502, HTML_502, {"Content-Type": "text/html; charset=utf-8"})
            case "delay":
                time.sleep(seconds)
                return self._proceed(request)
            case "slow_body":
                response = self._proceed(request)
                response.wire = Wire("slow", seconds)
                return response
            case _:
                with self._lock:
                    self._commit_late()
                    return self._org.spoil(fault, request, self._org.handle)
