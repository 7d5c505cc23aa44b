"""What every source must do."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from adapters.conformance.bench import SourceBench
from connector.domain.records import ACCOUNT_COLUMNS, ACTIVITY_TYPES, PERSON_COLUMNS, Page, RecordVersion
from connector.domain.refs import Ref
from connector.errors import ConfigError, HandoffError
from connector.ports.listing import Lister
from connector.ports.source import Source


class SourceContract:
    """Tests over one bench; ``suite.source_contract`` binds the fixture ``bench``."""

    def test_traits_say_what_the_engine_may_rely_on(self, bench: SourceBench) -> None:
        """Names are unique, columns are ours, nothing is sent."""
        source = bench.source()
        traits = source.traits()
        source.want([])
        assert source.calls() == 0, "traits and want send nothing"
        assert isinstance(source, Source)
        assert traits.system
        names = [stream.name for stream in traits.streams]
        assert names
        assert len(names) == len(set(names))
        assert all(stream.lane in ("fast", "slow") for stream in traits.streams)
        for columns in traits.people.values():
            assert set(columns) <= set(PERSON_COLUMNS)
            assert all(native.count(".") == 0 or native.startswith("account.") for native in columns.values())
        for columns in traits.accounts.values():
            assert set(columns) <= set(ACCOUNT_COLUMNS)
        assert traits.batch_size >= 1
        assert traits.settle_after >= timedelta(0)

    def test_the_first_pull_brings_every_row(self, bench: SourceBench) -> None:
        """What goes into a stream comes out, ties included, and exactly the final page is the last."""
        source = bench.source()
        for stream in source.traits().streams:
            pages = list(source.pull(stream.name, None, now=bench.now))
            assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
            assert all(page.cursor for page in pages), "every page carries a cursor"
            assert bench.expected(stream.name) <= ids_of(pages), stream.name

    def test_rows_have_the_promised_form(self, bench: SourceBench) -> None:
        """References carry the system, times are aware UTC, activity types are ours."""
        source = bench.source()
        traits = source.traits()
        for stream in traits.streams:
            for page in source.pull(stream.name, None, now=bench.now):
                for record in page.records:
                    assert record.ref.system == traits.system
                    assert record.ref.object == stream.object
                    assert record.modified_at.utcoffset() == timedelta(0)
                    assert record.created_at is None or record.created_at.utcoffset() == timedelta(0)
                for activity in page.activities:
                    assert activity.ref.system == activity.person.system == traits.system
                    assert activity.type in ACTIVITY_TYPES
                    assert activity.occurred_at.utcoffset() == timedelta(0)

    def test_a_quiet_pull_brings_nothing_new(self, bench: SourceBench) -> None:
        """From the end of a stream only rows come that came before."""
        source = bench.source()
        for stream in source.traits().streams:
            pages = list(source.pull(stream.name, None, now=bench.now))
            again = list(source.pull(stream.name, pages[-1].cursor, now=bench.now))
            assert again[-1].last
            assert ids_of(again) <= ids_of(pages)

    def test_a_pull_goes_on_from_every_page(self, bench: SourceBench) -> None:
        """Killed behind any page, a fresh adapter brings the rest."""
        for stream in bench.source().traits().streams:
            pages = list(bench.source().pull(stream.name, None, now=bench.now))
            whole = ids_of(pages)
            for count in range(1, len(pages) + 1):
                source = bench.source()
                rest = list(source.pull(stream.name, pages[count - 1].cursor, now=bench.now))
                source.close()
                assert rest[-1].last
                assert whole <= ids_of(pages[:count]) | ids_of(rest), f"{stream.name}, killed behind page {count}"

    def test_a_pull_given_up_half_way_can_be_repeated(self, bench: SourceBench) -> None:
        """Nothing is remembered but the cursor."""
        source = bench.source()
        for stream in source.traits().streams:
            half = source.pull(stream.name, None, now=bench.now)
            next(iter(half))
            del half
            assert bench.expected(stream.name) <= ids_of(source.pull(stream.name, None, now=bench.now))

    def test_changes_come_with_the_next_pull(self, bench: SourceBench) -> None:
        """From the end, and from every page behind which a pull was cut off."""
        for stream in bench.source().traits().streams:
            pages = list(bench.source().pull(stream.name, None, now=bench.now))
            changed = bench.change(stream.name)
            for page in pages:
                assert changed <= ids_of(bench.source().pull(stream.name, page.cursor, now=bench.now)), stream.name

    def test_an_unreadable_row_is_named_and_the_rest_goes_on(self, bench: SourceBench) -> None:
        """A refused row ends neither its page nor its stream."""
        for stream in bench.source().traits().streams:
            expected = bench.expected(stream.name)
            spoiled = bench.spoil(stream.name)
            if not spoiled:
                continue
            pages = list(bench.source().pull(stream.name, None, now=bench.now))
            refused = [row for page in pages for row in page.refused]
            assert refused
            assert all(row.stream == stream.name and row.row and row.code for row in refused)
            assert expected - {spoiled} <= ids_of(pages)

    def test_nonsense_is_refused_with_our_errors(self, bench: SourceBench) -> None:
        """Unknown streams and foreign cursors are told apart from bugs."""
        source = bench.source()
        assert _raised(source, "no such stream", None, bench) is ConfigError
        for stream in source.traits().streams:
            assert issubclass(_raised(source, stream.name, "\x00 not a cursor", bench), HandoffError)

    def test_people_are_fetched_by_reference(self, bench: SourceBench) -> None:
        """Those that are there come, those that are not are left out."""
        source = bench.source()
        traits = source.traits()
        assert source.fetch_people([]) == []
        for stream in traits.streams:
            if stream.object not in traits.people:
                continue
            records = [record for page in source.pull(stream.name, None, now=bench.now) for record in page.records]
            living = [record.ref for record in records if not record.deleted and record.merged_into is None][:3]
            nobody = Ref(traits.system, stream.object, "999999999999999")
            assert {record.ref for record in source.fetch_people([*living, nobody])} == set(living)

    def test_fields_are_described(self, bench: SourceBench) -> None:
        """Every object of people and accounts has fields under its own word."""
        source = bench.source()
        traits = source.traits()
        for object_ in [*traits.people, *traits.accounts]:
            described = source.fields(object_)
            assert described
            assert {field.object for field in described} == {object_}
            assert len({field.name for field in described}) == len(described)

    def test_the_check_finds_the_world_in_order(self, bench: SourceBench) -> None:
        """Every line of the online check is fine."""
        found = bench.source().check()
        assert found
        assert [finding.subject for finding in found if not finding.ok] == []

    def test_calls_are_counted(self, bench: SourceBench) -> None:
        """The count never falls; the vendor's own is within its limit or unknown."""
        source = bench.source()
        stream = source.traits().streams[0]
        before = source.calls()
        list(source.pull(stream.name, None, now=bench.now))
        assert source.calls() >= before
        usage = source.usage()
        assert usage is None or usage.used >= 0
        assert usage is None or usage.seen_at.utcoffset() is not None

    def test_the_living_are_listed_with_the_stamps_of_the_pull(self, bench: SourceBench) -> None:
        """Where an adapter can list: what pulls gave and has not gone since, each once, and readable by id."""
        source = bench.source()
        if not isinstance(source, Lister):
            return
        for object_ in source.listed_objects():
            pulled: dict[str, RecordVersion] = {}
            for stream in source.traits().streams:
                if stream.object == object_:
                    for page in source.pull(stream.name, None, now=bench.now):
                        pulled |= {record.ref.id: record for record in page.records}
            gone = {id_ for id_, one in pulled.items() if one.deleted or (one.merged_into or one.ref).id != id_}
            rows = [row for rows in source.list_living(object_) for row in rows]
            listed = {row.id: row.modified_at for row in rows}
            assert len(rows) == len(listed)
            # what was converted may be listed, as it lives on under its own id
            converted = {id_ for id_ in gone if (pulled[id_].merged_into or pulled[id_].ref).object != object_}
            assert set(listed) - converted == set(pulled) - gone
            assert {id_: pulled[id_].modified_at for id_ in listed} == listed
            assert source.listing_calls(object_, len(listed)) >= 0
            some = sorted(set(listed) - converted)[:3]
            read = {record.ref.id: record for record in source.read_records(object_, some).records}
            assert {id_: read[id_].modified_at for id_ in some} == {id_: listed[id_] for id_ in some}
            assert source.read_records(object_, []).records == []

    def test_closing_twice_does_no_harm(self, bench: SourceBench) -> None:
        """Close may come from two doors."""
        source = bench.source()
        source.close()
        source.close()


def ids_of(pages: Iterable[Page]) -> set[str]:
    """Give the ids of all rows of some pages."""
    found: set[str] = set()
    for page in pages:
        found |= {record.ref.id for record in page.records}
        found |= {activity.ref.id for activity in page.activities}
    return found


def _raised(source: Source, stream: str, cursor: str | None, bench: SourceBench) -> type[BaseException]:
    try:
        list(source.pull(stream, cursor, now=bench.now))
    except HandoffError as error:
        return type(error)
    return AssertionError
