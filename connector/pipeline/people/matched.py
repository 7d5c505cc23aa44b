"""Matches people to accounts; whom the last cycle matched by the same words is not matched again."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from connector.matching import Matcher
from connector.matching.tables import MATCHES
from connector.pipeline.incremental.kept_writing import Keeping
from connector.pipeline.incremental.touched import Touched
from connector.pipeline.tables import sql

#: what is kept of a match: the words it was made by, as a hash
_BY = pa.field("words", pa.uint64())


class Matching:
    """Matches the people of one cycle; accounts are laid out when the first of them has to be matched."""

    def __init__(self, open_matcher: Callable[[], Matcher], touched: Touched | None, keeping: Keeping | None) -> None:
        """Take how to lay accounts out, who is worked, and where matches are kept for the next cycle."""
        self._open = open_matcher
        self._matcher: Matcher | None = None
        self._touched = touched
        self._keeping = keeping
        if keeping is not None:
            keeping.put("matches", MATCHES.append(_BY).empty_table())

    def match(self, people: pa.Table) -> pa.Table:
        """Give one row per person (``connector.matching.tables.MATCHES``), in order of ``person_id``.

        A match depends on the person's words, the accounts and what people answered. Where accounts or answers changed,
        nobody is matched by what was kept, nor is whom a round has not come to that began with it; what breaks ties
        among accounts changes nothing where there was no tie.
        """
        words = self._words(people)
        known = self._known(words)
        matches = known
        if known.num_rows < people.num_rows:
            fresh = people.filter(pc.invert(pc.is_in(people.column("person_id"), value_set=known.column("person_id"))))
            if self._matcher is None:
                self._matcher = self._open()
            matches = pa.concat_tables([known, self._matcher.match(fresh)]).sort_by("person_id")
        if self._keeping is not None:
            self._keeping.put("matches", matches.append_column(_BY, words.column("words")))
        return matches

    def _words(self, people: pa.Table) -> pa.Table:
        names = ", ".join(f'"{name}"' for name in sorted(people.column_names))
        return sql(f"SELECT person_id, hash({names}) AS words FROM people ORDER BY person_id", people=people)

    def _known(self, words: pa.Table) -> pa.Table:
        if self._touched is None:
            return MATCHES.empty_table()
        kept, ids = self._touched.kept, words.column("person_id").combine_chunks()
        if kept.head.again:
            rows = kept.of("people", ids)
            ids = rows.filter(pc.equal(rows.column("round"), kept.head.round)).column("person_id").combine_chunks()
        before = kept.of("matches", ids)
        return sql(
            f"SELECT {', '.join(MATCHES.names)} FROM before JOIN words USING (person_id, words) "
            "WHERE NOT review AND runner_up IS NULL ORDER BY person_id",
            before=before,
            words=words,
        ).cast(MATCHES)
