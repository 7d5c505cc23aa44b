"""How the rows of a query are shown: fields, parents inside parents, kinds of parents, blocks of children."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.objects.schema import SObject
from sandbox.salesforce.rows.view import Getter, getter, row_url
from sandbox.salesforce.soql.scope import Render, Scope
from sandbox.salesforce.soql.tree import Aggregate, Call, FieldSet, Named, Path, Query, TypeOf
from sandbox.salesforce.soql.words import at

if TYPE_CHECKING:
    from sandbox.core.records import Record

#: FIELDS(ALL) and FIELDS(CUSTOM) show no more rows than this.
MOST_ROWS_OF_ALL_FIELDS = 200
#: Shows a row's children; the query is the sub-select, the number its place among what is selected.
Block = Callable[[Query, int], tuple[str, Getter]]


@dataclass(slots=True)
class _Parent:
    """What is shown of a row and, nested in it, of its parents, in the order it was asked for."""

    #: None for one of several kinds of parents.
    obj: SObject | None
    shown: dict[str, Getter | _Parent] = field(default_factory=dict)
    #: How the child finds this parent; None for the row itself.
    link: Getter | None = None


class Shape:
    """What one query shows of a row."""

    def __init__(self, scope: Scope, query: Query, version: str, block: Block) -> None:
        """Resolve everything that is selected.

        Raises: ApiError.
        """
        self._scope, self._query, self._version = scope, query, version
        self._root = _Parent(scope.obj)
        self.blocks: list[str] = []
        for place, item in enumerate(query.select):
            if isinstance(item, Query):
                name, show = block(item, place)
                self._add(self._root, name, show, item.source_start)
                self.blocks.append(name)
            elif isinstance(item, Path):
                self._path(item)
            elif isinstance(item, Call):
                self._add(self._root, item.alias or self._spelled(item), self._label(item), item.start)
            elif isinstance(item, FieldSet):
                self._all(item)
            elif isinstance(item, TypeOf):
                self._add(self._root, *self._kinds(item), item.path.start)
            elif isinstance(item, Named | Aggregate):
                raise at(query.text, item.start, "only aggregate expressions use field aliasing")

    def render(self) -> Render:
        """Return the function that shows a row."""
        return self._renderer(self._root)

    # -- collecting ----------------------------------------------------------------------------

    def _add(self, parent: _Parent, name: str, show: Getter | _Parent, start: int) -> None:
        if name in parent.shown:
            raise at(self._query.text, start, f"duplicate field selected: {name}", "INVALID_FIELD")
        parent.shown[name] = show

    def _path(self, path: Path) -> None:
        scope = self._scope
        parts = scope.parts(path)
        links, obj = scope.links(parts[:-1], path.start)
        last, read = scope.end(obj, parts[-1], path.start)
        here = self._root
        for place, link in enumerate(links):
            name = str(link.relationship)
            known = here.shown.get(name)
            if not isinstance(known, _Parent):
                target = scope.state.schema.object(link.refers_to[0]) if len(link.refers_to) == 1 else None
                child = scope.obj if place == 0 else here.obj
                if child is None:
                    raise scope.no_column(name, "Name", path.start)
                known = _Parent(target, link=getter(scope.state, child.name, link))
                self._add(here, name, known, path.start)
            here = known
        self._add(here, last.name, read, path.start)

    def _spelled(self, item: Call) -> str:
        return self._scope.column(item.path).field.name

    def _label(self, item: Call) -> Getter:
        if item.function != "tolabel":
            words = f"{item.function.upper()} is only allowed with GROUP BY"
            raise at(self._query.text, item.start, words)
        # The labels of this org's picklists are their values.
        return self._scope.column(item.path).read

    def _all(self, item: FieldSet) -> None:
        query, scope = self._query, self._scope
        if item.kind != "standard" and (query.limit is None or query.limit > MOST_ROWS_OF_ALL_FIELDS):
            words = f"The SOQL FIELDS function must have a LIMIT of at most {MOST_ROWS_OF_ALL_FIELDS}"
            raise at(query.text, item.start, words)
        for entry in scope.obj.fields.values():
            if scope.state.visible(scope.obj, entry, scope.user) and item.kind in (
                "all",
                "custom" if entry.custom else "standard",
            ):
                self._add(self._root, entry.name, getter(scope.state, scope.obj.name, entry), item.start)

    def _kinds(self, item: TypeOf) -> tuple[str, Getter]:
        """Return a TYPEOF's name and reader."""
        scope, text = self._scope, self._query.text
        links, _ = scope.links(item.path.parts, item.path.start)
        link = links[-1]
        if len(links) > 1:
            raise at(text, item.path.start, "TYPEOF follows one relationship only")
        if len(link.refers_to) < 2:
            words = f"TYPEOF is only allowed on polymorphic relationships: {item.path.text}"
            raise at(text, item.path.start, words)
        reads: dict[str, Render] = {}
        for kind, paths in item.cases:
            obj = scope.state.schema.object(kind.text)
            if obj is None or obj.name not in link.refers_to:
                words = f"{kind.text} is not a kind of {item.path.text}"
                raise at(text, kind.start, words, "INVALID_TYPE")
            inner = Query(text, select=list(paths), source=obj.name)
            reads[obj.name] = Shape(
                Scope(scope.state, obj, inner, scope.user), inner, self._version, _no_block
            ).render()
        rest = [scope.end(None, path.parts[-1], path.start) for path in item.otherwise]
        reference = getter(scope.state, scope.obj.name, link)

        def show(row: Record) -> Any:
            found = scope.state.row(reference(row))
            if found is None:
                return None
            if found.obj in reads:
                return reads[found.obj](found)
            shown: dict[str, Any] = {"attributes": {"type": found.obj, "url": row_url(found, self._version)}}
            return {**shown, **{field.name: read(found) for field, read in rest}}

        return str(link.relationship), show

    # -- rendering -----------------------------------------------------------------------------

    def _renderer(self, parent: _Parent) -> Render:
        version = self._version
        reads: list[tuple[str, Getter]] = []
        for name, entry in parent.shown.items():
            reads.append((name, self._nested(entry) if isinstance(entry, _Parent) else entry))
        kind = None if parent.obj is not None else "Name"

        def render(row: Record) -> dict[str, Any]:
            shown: dict[str, Any] = {"attributes": {"type": kind or row.obj, "url": row_url(row, version)}}
            for name, read in reads:
                shown[name] = read(row)
            return shown

        return render

    def _nested(self, parent: _Parent) -> Getter:
        render, link, find = self._renderer(parent), parent.link, self._scope.state.row
        if link is None:
            return render

        def show(row: Record) -> Any:
            found = find(link(row))
            return None if found is None else render(found)

        return show


def _no_block(query: Query, _: int) -> tuple[str, Getter]:
    raise at(query.text, query.source_start, "sub-select is not allowed here")
