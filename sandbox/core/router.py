"""Find the handler of a request by method and path template."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sandbox.core.http import Response

if TYPE_CHECKING:
    from sandbox.core.http import Request

#: A handler takes the request and the values of the template's placeholders, decoded.
RouteHandler = Callable[["Request", dict[str, str]], Response]


@dataclass(slots=True, frozen=True)
class Route:
    """One resource: ``template`` is what the call ledger shows, such as ``/crm/v3/objects/{object}``."""

    method: str
    template: str
    handler: RouteHandler


@dataclass(slots=True)
class Match:
    """What the router found."""

    route: Route | None
    params: dict[str, str] = field(default_factory=dict)
    #: Methods that the path answers to; empty when the path is unknown.
    allowed: list[str] = field(default_factory=list)


class Router:
    """Hold path templates; ``{name}`` takes one segment, ``{name*}`` the rest. The first match wins."""

    def __init__(self) -> None:
        """Start without routes."""
        self._routes: list[tuple[re.Pattern[str], Route]] = []

    def add(self, method: str, template: str, handler: RouteHandler) -> None:
        """Add a resource; a slash at the end of the path is always accepted."""
        parts = []
        for piece in re.split(r"(\{\w+\*?\})", template):
            if piece.startswith("{"):
                name = piece[1:-1]
                parts.append(f"(?P<{name[:-1]}>.+?)" if name.endswith("*") else f"(?P<{name}>[^/]+)")
            else:
                parts.append(re.escape(piece))
        self._routes.append((re.compile("".join(parts) + "/?"), Route(method.upper(), template, handler)))

    def match(self, request: Request) -> Match:
        """Return the route with its decoded parameters, or the methods that the path would allow."""
        allowed: list[str] = []
        for pattern, route in self._routes:
            found = pattern.fullmatch(request.path)
            if found is None:
                continue
            if route.method == request.method:
                return Match(route, {name: unquote(value) for name, value in found.groupdict().items()})
            allowed.append(route.method)
        return Match(None, {}, sorted(set(allowed)))
