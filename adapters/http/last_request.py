"""Requests that differ from the one before in nothing but their body: address and headers are worked out once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests

#: takes none from any host
NO_COOKIES: Final = DefaultCookiePolicy(allowed_domains=())


class LastRequest:
    """The last request that was sent with a body of bytes; batches go to one address, one after the other."""

    def __init__(self) -> None:
        """Begin with none."""
        self._made_of: tuple[Any, ...] = ()
        self._ready: requests.PreparedRequest | None = None

    def ready(
        self,
        request: requests.Request,
        always: Mapping[str, Any],
        prepare: Callable[[requests.Request], requests.PreparedRequest],
    ) -> requests.PreparedRequest:
        """Give a request as it is sent, by ``prepare`` where it is not like the last one.

        ``always``: the headers of every request. A session of this may keep no cookies.
        """
        plain = isinstance(request.data, bytes) and request.data
        if not plain or request.params or request.files or request.cookies or request.auth:
            return prepare(request)
        made_of = (request.method, request.url, *(request.headers or {}).items(), *always.items())
        if self._ready is None or self._made_of != made_of:
            self._made_of, self._ready = made_of, prepare(request)
            return self._ready
        fresh = requests.PreparedRequest()
        vars(fresh).update(vars(self._ready), body=request.data, headers=self._ready.headers.copy())
        fresh.headers["Content-Length"] = str(len(request.data))
        return fresh
