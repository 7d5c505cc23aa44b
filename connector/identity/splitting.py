"""Heed the answers that two references are different people."""

from __future__ import annotations

from collections.abc import Hashable

import duckdb
import numpy as np
import pyarrow as pa

from connector.identity.groups import Groups, Join, Kept, Numbers, join_apart


def settle_groups(con: duckdb.DuckDBPyConnection, groups: Groups) -> dict[int, list[int]]:
    """Write the final groups as table ``member`` (n, root); give who fits several groups: root → nodes it fits.

    Only groups in which somebody answered ``different`` are taken apart and rebuilt; all others stand as joined.
    """
    roots = groups.roots()
    apart = _pairs_apart(con)
    torn = sorted({int(roots[left]) for left, right in apart if roots[left] == roots[right]})
    ambiguous: dict[int, list[int]] = {}
    if torn:
        ambiguous = _rebuild(con, roots, torn, apart)
    table = pa.table({"n": pa.array(np.arange(len(roots))), "root": pa.array(roots)})
    con.register("member_in", table)
    con.execute("CREATE TABLE member AS SELECT * FROM member_in")
    con.unregister("member_in")
    return ambiguous


def _pairs_apart(con: duckdb.DuckDBPyConnection) -> set[tuple[int, int]]:
    rows = con.execute(
        'SELECT a.n, b.n FROM decided JOIN node a ON a.ref = "left" JOIN node b ON b.ref = "right"'
        " WHERE answer = 'different' AND a.n <> b.n"
    ).fetchall()
    return {(left, right) for left, right in rows}


def _rebuild(
    con: duckdb.DuckDBPyConnection, roots: Numbers, torn: list[int], apart: set[tuple[int, int]]
) -> dict[int, list[int]]:
    """Rebuild the torn groups in place in ``roots``."""
    nodes: list[int] = np.flatnonzero(np.isin(roots, torn)).tolist()
    con.register("torn_in", pa.table({"n": pa.array(nodes, pa.int64())}))
    rows = con.execute(
        "SELECT a, b, rank, hub_a, hub_b FROM joined WHERE a IN (SELECT n FROM torn_in) ORDER BY ALL"
    ).fetchall()
    con.unregister("torn_in")
    joins: list[Join] = []
    for left, right, rank, hub_left, hub_right in rows:
        if hub_left is None:
            joins.append(Join(rank, left, right))
        elif hub_right is None:
            joins.append(Join(rank, left, hub_left))
        else:
            # each side was tied to its hub one rank before; the hubs now meet
            joins.append(Join(rank, hub_left, hub_right))
    kept = join_apart(nodes, joins, apart)
    smallest: dict[Hashable, int] = {}
    for node in nodes:
        root = kept.find(node)
        smallest[root] = min(node, smallest.get(root, node))
    for node in nodes:
        roots[node] = smallest[kept.find(node)]
    return _doubts(kept, smallest, apart)


def _doubts(kept: Kept, smallest: dict[Hashable, int], apart: set[tuple[int, int]]) -> dict[int, list[int]]:
    """Give for each group without a place among several the groups it may still belong to."""
    foes = {(kept.find(left), kept.find(right)) for left, right in apart}
    doubts: dict[int, set[int]] = {}
    for members, options in kept.ambiguities:
        taken = {kept.find(option) for option in options}
        for root in {kept.find(member) for member in members} - taken:
            fits = {other for other in taken if (root, other) not in foes and (other, root) not in foes}
            if root in smallest and fits:
                doubts.setdefault(smallest[root], set()).update(smallest[each] for each in fits if each in smallest)
    return {root: sorted(fits) for root, fits in sorted(doubts.items())}
