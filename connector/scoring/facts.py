"""What scoring says, as facts for conditions: thresholds on one rule, not only on the total."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from connector.domain.sql_text import literal
from connector.scoring.engines.on_duckdb import EMBEDDED
from connector.scoring.engines.runner import Engine
from connector.scoring.score import Scored


def rule_facts(scored: Scored, rules: Iterable[str], *, engine: Engine = EMBEDDED) -> pa.Table:
    """Give each person ``points.<rule>`` (points) and ``count.<rule>`` (kept activities) for some rules.

    One row per person, sorted by ``person_id``. A rule without a line gives 0 of both: nobody can have done less.
    """
    columns = "".join(
        f', coalesce(sum(points) FILTER (WHERE rule = {literal(rule)}), 0)::DOUBLE AS "points.{rule}"'
        f', coalesce(sum(count) FILTER (WHERE rule = {literal(rule)}), 0)::BIGINT AS "count.{rule}"'
        for rule in sorted(set(rules))
    )
    with engine.runner() as runner:
        runner.register("scores", scored.scores)
        of_rules = pc.not_equal(scored.lines.column("dimension").cast(pa.string()), "qualification")
        runner.register("lines", scored.lines.filter(of_rules))
        return runner.fetch(
            f"""SELECT s.person_id{columns} FROM scores s LEFT JOIN lines l USING (person_id)
                GROUP BY s.person_id ORDER BY s.person_id""",
        )
