"""Records in files, named by reading them once more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from connector.domain.records import Activity, Page, RecordVersion
from connector.ports.listing import Listed
from connector.ports.source import Source

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class ListsByReading:
    """Lends an adapter whose pulls cost nothing the promises of ``connector.ports.listing.Lister``."""

    def listed_objects(self: Source) -> Mapping[str, bool]:
        """Give what stands in files; what does not stand there is gone."""
        return {stream.object: True for stream in self.traits().streams if stream.object}

    def listing_calls(self, object: str, records: int) -> int:  # noqa: A002, ARG002 - the port's words
        """Files cost no calls."""
        return 0

    def list_living(self: Source, object: str, fields: Sequence[str] = ()) -> Iterator[list[Listed]]:  # noqa: A002
        """Name the living records, in one page."""
        yield [
            Listed(version.ref.id, version.modified_at, {name: version.fields.get(name) for name in fields})
            for version in _latest(self, object).values()
            if not version.deleted and (version.merged_into is None or version.merged_into.object != object)
        ]

    def read_records(self: Source, object: str, ids: Sequence[str]) -> Page:  # noqa: A002
        """Read records as they stand."""
        done: dict[str, Activity] = {}
        found = _latest(self, object, done)
        known = [id_ for id_ in dict.fromkeys(ids) if id_ in found]
        return Page([found[id_] for id_ in known], [done[id_] for id_ in known if id_ in done])


def _latest(source: Source, object_: str, done: dict[str, Activity] | None = None) -> dict[str, RecordVersion]:
    found: dict[str, RecordVersion] = {}
    for stream in source.traits().streams:
        if stream.object != object_:
            continue
        for page in source.pull(stream.name, None, now=_LONG_AGO):
            if done is not None:
                done |= {activity.ref.id: activity for activity in page.activities if activity.ref.object == object_}
            for version in page.records:
                known = found.get(version.ref.id)
                if known is None or known.modified_at <= version.modified_at:
                    found[version.ref.id] = version
    return found
