"""The words of a SOQL query: tokens, and the tree they make."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.errors import ApiError

TOKEN = re.compile(
    r"""(?P<space>\s+)
      |(?P<string>'(?:[^'\\]|\\.)*')
      |(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))
      |(?P<date>\d{4}-\d\d-\d\d)
      |(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      |(?P<op><=|>=|!=|<>|=|<|>)
      |(?P<mark>[(),.])
      |(?P<word>[A-Za-z_][A-Za-z0-9_]*(?::\d+)?)""",
    re.VERBOSE,
)
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
AGGREGATES = frozenset({"count", "count_distinct", "min", "max", "sum", "avg"})
CLAUSES = frozenset(
    {"from", "where", "group", "order", "limit", "offset", "having", "for", "with", "using", "scope", "all"}
)


@dataclass(slots=True, frozen=True)
class Token:
    """One word with its place in the text."""

    kind: str
    text: str
    start: int

    @property
    def low(self) -> str:
        """Return the word in lower case."""
        return self.text.lower()


@dataclass(slots=True, frozen=True)
class Path:
    """A field, perhaps through relationships: ``Owner.Name``."""

    parts: tuple[str, ...]
    start: int


@dataclass(slots=True, frozen=True)
class Aggregate:
    """``COUNT(Id)`` and its like; ``count()`` has no path."""

    function: str
    path: Path | None
    alias: str | None
    start: int


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

    path: Path
    op: str
    value: Literal | tuple[Literal, ...] | Query


@dataclass(slots=True, frozen=True)
class Logic:
    """``and``, ``or`` or ``not`` over conditions."""

    op: str
    parts: tuple[Compare | Logic, ...]


@dataclass(slots=True, frozen=True)
class Order:
    """One sort key."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(slots=True)
class Query:
    """A whole query."""

    text: str
    select: list[Path | Aggregate | Query] = field(default_factory=list)
    source: str = ""
    source_start: int = 0
    where: Compare | Logic | None = None
    group: list[Path] = field(default_factory=list)
    order: list[Order] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0


def at(text: str, start: int, words: str, code: str = "MALFORMED_QUERY") -> ApiError:
    """Return an error that points into the query as the vendor does: the line, a caret, row and column."""
    row = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1)
    first = max(0, start - 40) if len(text) > 80 else 0
    shown = text[first : start + 40] if len(text) > 80 else text
    caret = " " * (start - first) + "^"
    return ApiError(code, f"\n{shown}\n{caret}\nERROR at Row:{row}:Column:{column + 1}\n{words}")


def unescape(raw: str) -> str:
    """Return the text that a quoted string stands for."""
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), raw, flags=re.DOTALL)


def tokens_of(text: str) -> list[Token]:
    """Cut a query into words.

    Raises: ApiError MALFORMED_QUERY.
    """
    found, place = [], 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise at(text, place, f"line 1:{place} no viable alternative at character '{text[place]}'")
        if match.lastgroup != "space":
            found.append(Token(str(match.lastgroup), match[0], place))
        place = match.end()
    return found


class Parser:
    """Read one query from its tokens."""

    def __init__(self, text: str) -> None:
        """Cut the text.

        Raises: ApiError MALFORMED_QUERY.
        """
        self._text, self._tokens, self._next = text, tokens_of(text), 0

    def parse(self) -> Query:
        """Return the tree of the whole text.

        Raises: ApiError MALFORMED_QUERY.
        """
        query = self._query()
        if self._peek() is not None:
            raise self._unexpected()
        return query

    # -- words ---------------------------------------------------------------------------------

    def _peek(self, ahead: int = 0) -> Token | None:
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _is(self, *words: str) -> bool:
        for ahead, word in enumerate(words):
            token = self._peek(ahead)
            if token is None or token.kind == "string" or token.low != word:
                return False
        return True

    def _unexpected(self) -> ApiError:
        token = self._peek()
        if token is None:
            return at(self._text, len(self._text), "unexpected token: '<EOF>'")
        return at(self._text, token.start, f"unexpected token: '{token.text}'")

    def _take(self, *words: str) -> None:
        if not self._is(*words):
            raise self._unexpected()
        self._next += len(words)

    def _maybe(self, *words: str) -> bool:
        if self._is(*words):
            self._next += len(words)
            return True
        return False

    def _word(self, kind: str = "word") -> Token:
        token = self._peek()
        if token is None or token.kind != kind:
            raise self._unexpected()
        self._next += 1
        return token

    def _whole(self) -> int:
        token = self._peek()
        if token is None or not token.text.isdigit():
            raise self._unexpected()
        self._next += 1
        return int(token.text)

    # -- clauses -------------------------------------------------------------------------------

    def _query(self) -> Query:
        query = Query(self._text)
        self._take("select")
        query.select.append(self._item())
        while self._maybe(","):
            query.select.append(self._item())
        self._take("from")
        source = self._word()
        query.source, query.source_start = source.text, source.start
        token = self._peek()
        if token is not None and token.kind == "word" and token.low not in CLAUSES:
            self._next += 1  # an alias of the object
        if self._maybe("using"):
            self._take("scope")
            self._word()
        if self._maybe("where"):
            query.where = self._or()
        self._tail(query)
        return query

    def _tail(self, query: Query) -> None:
        if self._maybe("with"):
            self._word()
        if self._maybe("group", "by"):
            query.group.append(self._path())
            while self._maybe(","):
                query.group.append(self._path())
        if self._maybe("order", "by"):
            query.order.append(self._order())
            while self._maybe(","):
                query.order.append(self._order())
        if self._maybe("limit"):
            query.limit = self._whole()
        if self._maybe("offset"):
            token = self._peek()
            query.offset = self._whole()
            if query.offset > 2000 and token is not None:
                raise at(self._text, token.start, "Maximum SOQL offset allowed is 2000", "NUMBER_OUTSIDE_VALID_RANGE")
        if self._maybe("all"):
            self._take("rows")
        if self._maybe("for"):
            self._word()

    def _item(self) -> Path | Aggregate | Query:
        if self._maybe("("):
            inner = self._query()
            self._take(")")
            return inner
        token, following = self._peek(), self._peek(1)
        if token is not None and following is not None and following.text == "(" and token.low in AGGREGATES:
            self._next += 2
            path = None if self._is(")") else self._path()
            if path is None and token.low != "count":
                raise self._unexpected()
            self._take(")")
            return Aggregate(token.low, path, self._alias(), token.start)
        return self._path()

    def _alias(self) -> str | None:
        token = self._peek()
        if token is not None and token.kind == "word" and token.low not in CLAUSES:
            self._next += 1
            return token.text
        return None

    def _path(self) -> Path:
        first = self._word()
        parts = [first.text]
        while self._maybe("."):
            parts.append(self._word().text)
        return Path(tuple(parts), first.start)

    def _order(self) -> Order:
        path = self._path()
        descending = self._maybe("desc")
        if not descending:
            self._maybe("asc")
        nulls_last = False
        if self._maybe("nulls"):
            nulls_last = self._maybe("last")
            if not nulls_last:
                self._take("first")
        return Order(path, descending, nulls_last)

    # -- conditions ----------------------------------------------------------------------------

    def _or(self) -> Compare | Logic:
        parts = [self._not()]
        joint = "or" if self._is("or") else "and"
        while self._maybe(joint):
            parts.append(self._not())
        if self._is("or") or self._is("and"):
            raise self._unexpected()  # a mix of AND and OR needs parentheses
        return parts[0] if len(parts) == 1 else Logic(joint, tuple(parts))

    def _not(self) -> Compare | Logic:
        if self._maybe("not"):
            return Logic("not", (self._not(),))
        if self._maybe("("):
            inner = self._or()
            self._take(")")
            return inner
        return self._compare()

    def _compare(self) -> Compare:
        path = self._path()
        token = self._peek()
        if token is not None and token.kind == "op":
            self._next += 1
            return Compare(path, "!=" if token.text == "<>" else token.text, self._literal())
        for words, op in (
            (("like",), "like"),
            (("not", "in"), "not in"),
            (("in",), "in"),
            (("includes",), "includes"),
            (("excludes",), "excludes"),
        ):
            if self._maybe(*words):
                return Compare(path, op, self._literal() if op == "like" else self._list(op))
        raise self._unexpected()

    def _list(self, op: str) -> tuple[Literal, ...] | Query:
        self._take("(")
        if self._is("select") and op.endswith("in"):
            inner = self._query()
            self._take(")")
            return inner
        found = [self._literal()]
        while self._maybe(","):
            found.append(self._literal())
        self._take(")")
        return tuple(found)

    def _literal(self) -> Literal:
        token = self._peek()
        if token is None or token.kind in ("op", "mark"):
            raise self._unexpected()
        self._next += 1
        if token.kind == "string":
            raw = token.text[1:-1]
            return Literal("string", unescape(raw), token.start, raw)
        if token.kind == "number":
            return Literal("number", float(token.text), token.start)
        if token.kind == "word":
            if token.low in ("true", "false"):
                return Literal("boolean", token.low == "true", token.start)
            if token.low == "null":
                return Literal("null", None, token.start)
        return Literal(token.kind, token.text, token.start)
