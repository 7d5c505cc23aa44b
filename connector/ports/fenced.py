"""What a CRM may offer besides: to ask before each request whether its sender may still send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable


@runtime_checkable
class Fenced(Protocol):
    """A CRM that sends more than one request for one ``apply``; a sender may lose its lease between two of them."""

    def fence(self, may_send: Callable[[], None]) -> None:
        """Call ``may_send`` right before each request from now on. Sends nothing.

        It raises ``TransientError`` where nothing may be sent any more; rows not sent by then are to be tried again.
        """
        ...
