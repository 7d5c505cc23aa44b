"""One error class per response: the class says what the program does next, the code says what happened.

Vendor errors end in the adapters and leave them as one of these. Exit codes are those of the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class HandoffError(Exception):
    """Something went wrong and the class says who does what about it.

    Attributes:
        code: stable and machine-readable, e.g. ``salesforce.invalid_session``; safe to log.
        message: one sentence without people's data, tokens or query strings; safe to log.
        cure: what the reader can do about it; where nobody said, what is usual for the class.
        at: where, e.g. ``hubspot`` or ``mappings/default/scoring.yaml:14:3``; may be empty.
        request_id: the vendor's request or correlation id, or an empty string.
    """

    exit_code: ClassVar[int] = 70
    #: what the reader can do where the raiser knows nothing better
    usual_cure: ClassVar[str] = "please report it, with the code"

    def __init__(self, code: str, message: str, *, cure: str = "", at: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.cure = cure or self.usual_cure
        self.at = at
        self.request_id = request_id

    def __str__(self) -> str:
        """Read as one line: where, what, cure."""
        where = f"{self.at}: " if self.at else ""
        cure = f" ({self.cure})" if self.cure else ""
        return f"{where}{self.message}{cure}"


class ConfigError(HandoffError):
    """The command or handoff.yaml is wrong; the operator edits it."""

    exit_code = 2
    usual_cure = "correct it in handoff.yaml or on the command line; `handoff check` tells all at once"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in a file people write, printed as ``file:line:col: key: message``."""

    #: path as the reader would type it
    file: str
    #: 1-based
    line: int
    #: 1-based
    column: int
    #: dotted path of the key, e.g. ``dimensions.fit.rules.0.points``
    key: str
    #: what is wrong and the cure
    message: str

    def __str__(self) -> str:
        """Read as editors and compilers print places: one line, whatever somebody used for a key."""
        key = self.key if self.key.isprintable() else repr(self.key)[1:-1]
        return f"{self.file}:{self.line}:{self.column}: {key}: {self.message}"


class MappingError(ConfigError):
    """Configuration or mapping files are wrong: all problems at once, each with its place and its cure."""

    usual_cure = ""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("mapping.invalid", "\n".join(map(str, problems)), cure="")
        self.problems = problems

    def __str__(self) -> str:
        """Read as one problem a line."""
        return self.message


class Refused(HandoffError):
    """The command was understood and refused; nothing was sent."""

    exit_code = 3
    usual_cure = "`handoff status` shows how it stands"


class AccessError(HandoffError):
    """A system did not let us in or took a right away; this adapter stops, the rest goes on."""

    exit_code = 4
    usual_cure = "`handoff check --online` shows what our user lacks; the system's admin grants it"


class TransientError(HandoffError):
    """A system could not be reached or asked us to come later; reads may be tried again.

    Attributes:
        retry_after_seconds: to be waited in full before anything is sent again, or None where nobody knows.
    """

    exit_code = 4
    usual_cure = "run again later; if it stays, look at the vendor's status page and the network in between"

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        cure: str = "",
        at: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(code, message, cure=cure, at=at, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds


class RateLimited(TransientError):
    """A system's rate or quota is spent.

    Attributes:
        retry_after_seconds: the vendor's own figure, to be waited in full, or None.
        daily: True when the quota of the day is spent, so that waiting seconds is pointless.
    """

    usual_cure = "run again later, or ask less often: handoff.yaml schedule"

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        daily: bool = False,
        cure: str = "",
        at: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(
            code, message, retry_after_seconds=retry_after_seconds, cure=cure, at=at, request_id=request_id
        )
        self.daily = daily


class OutcomeUnknown(HandoffError):
    """A write was sent and no clear answer came; it must be looked up before it is sent again."""

    exit_code = 4
    usual_cure = "run again: it is looked up before anything is sent"


class AdapterFault(HandoffError):
    """A vendor answered something the adapter does not understand: our bug, or theirs."""

    exit_code = 70
    usual_cure = "run again; if it stays, please report it with the code"


class LocalFault(HandoffError):
    """Disk, lock, corrupt file or migration: this machine needs attention."""

    exit_code = 5
    usual_cure = "see to the disk and the rights of this machine, then run again"


class Stopped(HandoffError):
    """A signal asked us to stop; what was in hand is finished and stored."""

    exit_code = 0
    usual_cure = "run again: it goes on where this one stopped"
