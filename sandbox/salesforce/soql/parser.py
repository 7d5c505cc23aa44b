"""Read a SOQL query from its words."""

from __future__ import annotations

from dataclasses import replace

from sandbox.salesforce.objects.absent import not_built
from sandbox.salesforce.soql.dates import FUNCTIONS as DATE_FUNCTIONS
from sandbox.salesforce.soql.tree import (
    Aggregate,
    Call,
    Compare,
    FieldSet,
    Item,
    Literal,
    Logic,
    Named,
    Order,
    Path,
    Query,
    TypeOf,
)
from sandbox.salesforce.soql.words import Reader, at, unescape

AGGREGATES = frozenset({"count", "count_distinct", "min", "max", "sum", "avg", "grouping"})
CLAUSES = frozenset(
    {"from", "where", "group", "order", "limit", "offset", "having", "for", "with", "using", "scope", "all", "update"}
)
#: Functions of the language that this org does not answer.
UNBUILT_FUNCTIONS = frozenset({"format", "convertcurrency", "distance", "geolocation"})
LARGEST_OFFSET = 2000
#: Relationships from parent to children that one query may follow.
MOST_SUB_SELECTS = 20


class Parser:
    """Read one query."""

    def __init__(self, text: str) -> None:
        """Cut the text.

        Raises: ApiError MALFORMED_QUERY.
        """
        self._text, self._in = text, Reader(text)

    def parse(self) -> Query:
        """Return the tree of the whole text.

        Raises: ApiError MALFORMED_QUERY.
        """
        query = self._query()
        if self._in.peek() is not None:
            raise self._in.unexpected()
        return query

    # -- clauses -------------------------------------------------------------------------------

    def _query(self) -> Query:
        query, read = Query(self._text), self._in
        read.take("select")
        query.select.append(self._item())
        while read.maybe(","):
            query.select.append(self._item())
        if sum(isinstance(item, Query) for item in query.select) > MOST_SUB_SELECTS:
            raise at(self._text, 0, f"The maximum number of relationship sub-queries is {MOST_SUB_SELECTS}")
        read.take("from")
        source = read.word()
        query.source, query.source_start = source.text, source.start
        query.alias = self._alias()
        if read.maybe("using"):
            read.take("scope")
            query.scope = read.word().low
        if read.maybe("where"):
            query.where = self._or()
        self._tail(query)
        return query

    def _tail(self, query: Query) -> None:
        read = self._in
        if read.maybe("with"):
            self._with()
        if read.maybe("group", "by"):
            self._group(query)
        if read.maybe("having"):
            query.having = self._or()
        if read.maybe("order", "by"):
            query.order.append(self._order())
            while read.maybe(","):
                query.order.append(self._order())
        if read.maybe("limit"):
            query.limit = read.whole()
        if read.maybe("offset"):
            token = read.peek()
            query.offset = read.whole()
            if query.offset > LARGEST_OFFSET and token is not None:
                words = f"Maximum SOQL offset allowed is {LARGEST_OFFSET}"
                raise at(self._text, token.start, words, "NUMBER_OUTSIDE_VALID_RANGE")
        token = read.peek()
        if read.maybe("all", "rows") and token is not None:
            raise at(self._text, token.start, "ALL ROWS not allowed in this context")
        if read.maybe("for") and not (read.maybe("view") or read.maybe("reference") or read.maybe("update")):
            raise read.unexpected()
        if read.maybe("update") and not (read.maybe("tracking") or read.maybe("viewstat")):
            raise read.unexpected()

    def _with(self) -> None:
        read = self._in
        if read.maybe("security_enforced") or read.maybe("user_mode") or read.maybe("system_mode"):
            return
        if read.next_is("data", "category"):
            raise not_built("SOQL WITH DATA CATEGORY")
        raise read.unexpected()

    def _group(self, query: Query) -> None:
        read = self._in
        for word in ("rollup", "cube"):
            if read.next_is(word, "("):
                read.step(2)
                query.totals = word
        query.group.append(self._grouped())
        while read.maybe(","):
            query.group.append(self._grouped())
        if query.totals is not None:
            read.take(")")

    def _grouped(self) -> Path | Call:
        left = self._left()
        if isinstance(left, Aggregate):
            raise at(self._text, left.start, "Aggregate functions are not allowed in GROUP BY")
        return left

    def _alias(self) -> str | None:
        token = self._in.peek()
        if token is not None and token.kind == "word" and token.low not in CLAUSES:
            self._in.step()
            return token.low
        return None

    def _order(self) -> Order:
        by = self._left()
        descending = self._in.maybe("desc")
        if not descending:
            self._in.maybe("asc")
        nulls_last = False
        if self._in.maybe("nulls"):
            nulls_last = self._in.maybe("last")
            if not nulls_last:
                self._in.take("first")
        return Order(by, descending, nulls_last)

    # -- what is selected ----------------------------------------------------------------------

    def _item(self) -> Item | Query:
        read = self._in
        if read.maybe("("):
            inner = self._query()
            read.take(")")
            return inner
        token = read.peek()
        if (
            token is not None
            and read.next_is("typeof")
            and read.peek(1) is not None
            and not read.next_is("typeof", ",")
        ):
            read.step()
            return self._type_of()
        if token is not None and read.next_is("fields", "("):
            read.step(2)
            kind = read.word().low
            read.take(")")
            if kind not in ("all", "standard", "custom"):
                raise at(self._text, token.start, f"unexpected token: '{kind}'")
            return FieldSet(kind, token.start)
        left = self._left()
        following = read.peek()
        if following is None or following.kind != "word" or following.low in CLAUSES:
            return left
        if not (read.next_is(following.low, ",") or read.next_is(following.low, "from")):
            raise read.unexpected()
        read.step()
        if isinstance(left, Path):
            return Named(left, following.text, left.start)
        return replace(left, alias=following.text)

    def _left(self) -> Path | Call | Aggregate:
        """Read a field, or a function over one."""
        read = self._in
        token, following = read.peek(), read.peek(1)
        if token is None or token.kind != "word" or following is None or following.text != "(":
            return self._path()
        name = token.low
        if name in UNBUILT_FUNCTIONS:
            raise not_built(f"SOQL function {token.text}()")
        if name not in AGGREGATES and name not in DATE_FUNCTIONS and name not in ("tolabel", "converttimezone"):
            read.step()
            raise read.unexpected()
        read.step(2)
        local = read.maybe("converttimezone", "(")
        path = None if read.next_is(")") and not local else self._path()
        if local:
            read.take(")")
        if path is None and name != "count":
            raise read.unexpected()
        read.take(")")
        if name in AGGREGATES:
            return Aggregate(name, path, None, token.start)
        if path is None or name == "converttimezone":
            raise at(self._text, token.start, "convertTimezone is only allowed inside a date function")
        return Call(name, path, token.start, local=local)

    def _type_of(self) -> TypeOf:
        read = self._in
        path, cases = self._path(), []
        while read.maybe("when"):
            kind = self._path()
            read.take("then")
            cases.append((kind, self._paths()))
        if not cases:
            raise read.unexpected()
        otherwise = self._paths() if read.maybe("else") else ()
        read.take("end")
        return TypeOf(path, tuple(cases), otherwise)

    def _paths(self) -> tuple[Path, ...]:
        found = [self._path()]
        while self._in.maybe(","):
            found.append(self._path())
        return tuple(found)

    def _path(self) -> Path:
        first = self._in.word()
        parts = [first.text]
        while self._in.maybe("."):
            parts.append(self._in.word().text)
        return Path(tuple(parts), first.start)

    # -- conditions ----------------------------------------------------------------------------

    def _or(self) -> Compare | Logic:
        read = self._in
        parts = [self._not()]
        joint = "or" if read.next_is("or") else "and"
        while read.maybe(joint):
            parts.append(self._not())
        if read.next_is("or") or read.next_is("and"):
            raise read.unexpected()  # a mix of AND and OR needs parentheses
        return parts[0] if len(parts) == 1 else Logic(joint, tuple(parts))

    def _not(self) -> Compare | Logic:
        if self._in.maybe("not"):
            return Logic("not", (self._not(),))
        if self._in.maybe("("):
            inner = self._or()
            self._in.take(")")
            return inner
        return self._compare()

    def _compare(self) -> Compare:
        left, token = self._left(), self._in.peek()
        if token is not None and token.kind == "op":
            self._in.step()
            return Compare(left, "!=" if token.text == "<>" else token.text, self._literal())
        for words, op in (
            (("like",), "like"),
            (("not", "in"), "not in"),
            (("in",), "in"),
            (("includes",), "includes"),
            (("excludes",), "excludes"),
        ):
            if self._in.maybe(*words):
                return Compare(left, op, self._literal() if op == "like" else self._list(op))
        raise self._in.unexpected()

    def _list(self, op: str) -> tuple[Literal, ...] | Query:
        self._in.take("(")
        if self._in.next_is("select") and op.endswith("in"):
            inner = self._query()
            self._in.take(")")
            return inner
        found = [self._literal()]
        while self._in.maybe(","):
            found.append(self._literal())
        self._in.take(")")
        return tuple(found)

    def _literal(self) -> Literal:
        token = self._in.peek()
        if token is None or token.kind in ("op", "mark"):
            raise self._in.unexpected()
        self._in.step()
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
