"""Which records live: ids, stamps and a few fields, 2,000 a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from simple_salesforce.format import quote_soql_value

from adapters.salesforce.connection import Connection
from adapters.salesforce.rows import RowReader
from adapters.salesforce.selecting import Selector
from adapters.salesforce.streams import STREAMS, StreamSpec
from adapters.salesforce.values import instant, port_value
from adapters.salesforce.vendor_errors import ApiError
from connector.domain.records import Page
from connector.errors import AccessError, HandoffError, TransientError
from connector.ports.listing import Listed

#: rows of a query's page unless more is asked for (salesforce.md section 3)
ROWS_PER_CALL = 2000
_IDS_PER_QUERY = 200
_BY_WORD: Mapping[str, StreamSpec] = {spec.word: spec for spec in STREAMS.values()}


class Listing:
    """Names living records. ``queryAll`` shows archived tasks too, which live although ``query`` hides them."""

    def __init__(self, connection: Connection, selector: Selector, *, system: str) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._selector = selector
        self._system = system

    def objects(self) -> dict[str, bool]:
        """Give what can be listed; sharing may hide any of it."""
        return dict.fromkeys(_BY_WORD, False)

    def living(self, word: str, fields: Sequence[str]) -> Iterator[list[Listed]]:
        """Name living records; promises as in the port."""
        selection = self._selector.selection(_BY_WORD[word])
        if selection is None:
            return
        shape, stamp = selection.shape, selection.stamp
        names = shape.selectable(["Id", stamp, *fields])
        conditions = [selection.spec.where] if selection.spec.where else []
        if shape.has("IsDeleted"):
            conditions.append("IsDeleted = false")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        soql = f"SELECT {', '.join(names)} FROM {shape.name}{where} ORDER BY Id ASC"
        try:
            page = self._connection.query(soql, deleted_too=True)
            while True:
                yield [
                    Listed(
                        str(row["Id"]),
                        instant(row[stamp]) if row.get(stamp) else None,
                        {name: port_value(row.get(name), shape.kind(name)) for name in names if name in fields},
                    )
                    for row in page["records"]
                ]
                if page["done"]:
                    return
                page = self._connection.more(page["nextRecordsUrl"])
        except ApiError as error:
            raise self._refused(error) from None

    def read(self, word: str, ids: Sequence[str]) -> Page:
        """Read records as a pull would, deleted ones too; promises as in the port."""
        selection = self._selector.selection(_BY_WORD[word])
        # the org refuses a whole query for a text that cannot be an id
        known = [id_ for id_ in dict.fromkeys(ids) if len(id_) in (15, 18) and id_.isalnum()]
        if selection is None or not known:
            return Page()
        reader = RowReader(selection.spec, selection.shape, selection.fields, system=self._system)
        page = Page()
        try:
            for start in range(0, len(known), _IDS_PER_QUERY):
                some = known[start : start + _IDS_PER_QUERY]
                soql = f"SELECT {', '.join(selection.fields)} FROM {selection.shape.name} WHERE Id IN "
                rows = self._connection.query_all(soql + quote_soql_value(some), deleted_too=True)
                read, refused = reader.read_all(rows)
                page.records.extend(row.record for row in read)
                page.activities.extend(row.activity for row in read if row.activity)
                page.refused.extend(refused)
        except ApiError as error:
            raise self._refused(error) from None
        return page

    def _refused(self, error: ApiError) -> HandoffError:
        code = f"{self._system}.{error.code.lower()}"
        if error.status >= 500:
            return TransientError(code, "the org could not answer", at=self._system)
        return AccessError(code, "our user may not read what is needed", at=self._system)
