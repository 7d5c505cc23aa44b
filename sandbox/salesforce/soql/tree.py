"""What the parser makes of a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, frozen=True)
class Path:
    """A field, perhaps through relationships: ``Owner.Name``."""

    parts: tuple[str, ...]
    start: int

    @property
    def text(self) -> str:
        """Return the path as one writes it."""
        return ".".join(self.parts)


@dataclass(slots=True, frozen=True)
class Call:
    """A function over a field: ``toLabel(Status)``, ``CALENDAR_YEAR(convertTimezone(CreatedDate))``."""

    #: In lower case.
    function: str
    path: Path
    start: int
    alias: str | None = None
    #: The field stands in ``convertTimezone(…)``.
    local: bool = False


@dataclass(slots=True, frozen=True)
class Aggregate:
    """``COUNT(Id)`` and its like; ``count()`` has no path."""

    function: str
    path: Path | None
    alias: str | None
    start: int


@dataclass(slots=True, frozen=True)
class Named:
    """A grouped field under an alias."""

    path: Path
    alias: str
    start: int


@dataclass(slots=True, frozen=True)
class FieldSet:
    """``FIELDS(ALL)``, ``FIELDS(STANDARD)``, ``FIELDS(CUSTOM)``; ``kind`` in lower case."""

    kind: str
    start: int


@dataclass(slots=True, frozen=True)
class TypeOf:
    """``TYPEOF What WHEN Account THEN Phone ELSE Name END``."""

    path: Path
    #: Object and the fields shown of it.
    cases: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...]


@dataclass(slots=True, frozen=True)
class Literal:
    """A value; ``kind`` is string, number, date, datetime, boolean, null or word (``TODAY``)."""

    kind: str
    value: Any
    start: int
    #: A string as written between the quotes, for LIKE.
    raw: str = ""


@dataclass(slots=True, frozen=True)
class Compare:
    """One condition; IN and NOT IN have a tuple of literals or a query."""

    left: Path | Call | Aggregate
    op: str
    value: Literal | tuple[Literal, ...] | Query

    @property
    def name(self) -> str | None:
        """Return the field's name in lower case when the condition is on the row's own field, as it is stored."""
        plain = isinstance(self.left, Path) and len(self.left.parts) == 1
        return self.left.parts[0].lower() if plain and isinstance(self.left, Path) else None


@dataclass(slots=True, frozen=True)
class Logic:
    """``and``, ``or`` or ``not`` over conditions."""

    op: str
    parts: tuple[Compare | Logic, ...]


@dataclass(slots=True, frozen=True)
class Order:
    """One sort key."""

    by: Path | Call | Aggregate
    descending: bool
    nulls_last: bool


Item = Path | Call | Aggregate | Named | FieldSet | TypeOf


@dataclass(slots=True)
class Query:
    """A whole query."""

    text: str
    select: list[Item | Query] = field(default_factory=list)
    source: str = ""
    source_start: int = 0
    #: What the object is called in paths, in lower case.
    alias: str | None = None
    #: ``USING SCOPE``, in lower case.
    scope: str | None = None
    where: Compare | Logic | None = None
    group: list[Path | Call] = field(default_factory=list)
    #: ``rollup`` or ``cube``.
    totals: str | None = None
    having: Compare | Logic | None = None
    order: list[Order] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0


def conjuncts(node: Compare | Logic | None) -> list[Compare]:
    """Return the single conditions of which every one must hold."""
    if isinstance(node, Compare):
        return [node]
    if isinstance(node, Logic) and node.op == "and":
        return [found for part in node.parts for found in conjuncts(part)]
    return []
