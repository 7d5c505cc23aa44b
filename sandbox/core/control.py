"""The control surface under ``/__sandbox__/``, the same on every port."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.core.clock import parse_instant, parse_span
from sandbox.core.faults import BadFault
from sandbox.core.http import BadBody, Response
from sandbox.core.org import BadAct

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.org import Org

PREFIX = "/__sandbox__/"

_Control = Callable[["Org", "Request"], Response]


def _snapshot(org: Org, _: Request) -> Response:
    return Response(200, org.snapshot(), {"Content-Type": "application/json;charset=UTF-8"})


def _calls(org: Org, _: Request) -> Response:
    return Response(200, org.calls.report())


def _mark(org: Org, _: Request) -> Response:
    org.calls.mark()
    return Response(200, {"marked": org.clock.now().isoformat()})


def _now(org: Org, _: Request) -> Response:
    return Response(200, {"now": org.clock.now().isoformat()})


def _clock(org: Org, request: Request) -> Response:
    wish: Any = request.json()
    if not isinstance(wish, dict) or len(wish) != 1 or not set(wish) <= {"advance", "at"}:
        message = 'either {"advance": "3d"} or {"at": ISO} is needed'
        raise ValueError(message)
    moved = (
        org.clock.advance(parse_span(wish["advance"]))
        if "advance" in wish
        else org.clock.set(parse_instant(str(wish["at"])))
    )
    return Response(200, {"now": moved.isoformat()})


def _faults(org: Org, request: Request) -> Response:
    return Response(200, {"faults": org.faults.replace(request.json())})


def _struck(org: Org, _: Request) -> Response:
    return Response(200, {"faults": org.faults.told()})


def _act(org: Org, request: Request) -> Response:
    acts: Any = request.json()
    if not isinstance(acts, list) or not all(isinstance(act, dict) and isinstance(act.get("do"), str) for act in acts):
        message = 'a list of acts is needed, each an object with "do"'
        raise ValueError(message)
    return Response(200, {"done": org.act(acts)})


CONTROLS: dict[tuple[str, str], _Control] = {
    ("GET", "snapshot"): _snapshot,
    ("GET", "calls"): _calls,
    ("POST", "calls/mark"): _mark,
    ("GET", "clock"): _now,
    ("POST", "clock"): _clock,
    ("GET", "faults"): _struck,
    ("POST", "faults"): _faults,
    ("POST", "act"): _act,
}


def control(org: Org, request: Request, reset: Callable[[], None]) -> Response:
    """Answer a request of the control surface; bad input is a 400 that says what is wrong."""
    name = request.path.removeprefix(PREFIX).strip("/")
    if (request.method, name) == ("POST", "reset"):
        reset()
        return Response(200, {"reset": True})
    found = CONTROLS.get((request.method, name))
    if found is None:
        known = sorted(f"{method} {PREFIX}{path}" for method, path in [*CONTROLS, ("POST", "reset")])
        return Response(404, {"error": f"no {request.method} {name} here", "known": known})
    try:
        return found(org, request)
    except (BadFault, BadAct, BadBody, ValueError) as error:
        return Response(400, {"error": str(error)})
