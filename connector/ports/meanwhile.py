"""What a CRM may offer besides: to have something done while it waits for an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Meanwhile(Protocol):
    """A CRM that sends requests: between one and its answer the vendor is at work, and we would only wait."""

    def meanwhile(self, work: Callable[[], None] | None) -> None:
        """Do ``work`` after the next request has gone out, before its answer is waited for; None: nothing any more.

        In the thread that asks, and once. It must not raise: what has been sent could no longer be told from what has
        not. Where no request is sent it is not done.
        """
        ...
