"""Two daemons on one PostgreSQL, killed and put to sleep while people work, leave what one undisturbed command leaves.

The long form is ``benchmarks/survival/cycles.py``; ``HANDOFF_CYCLES=N`` lives through N cycles here.
"""

from __future__ import annotations

import os

import pytest

from benchmarks.survival.cycles import Ground, live

PEOPLE = 40
CYCLES = int(os.environ.get("HANDOFF_CYCLES", "2"))
#: in its first cycles both are struck
SEED = 1000


@pytest.mark.timeout(900)
def test_two_replicas_that_are_struck_leave_the_same_orgs(tmp_path, prepared, commands, postgres_server):
    server = str(postgres_server.get_uri(driver="psycopg")).replace("postgres:@", "postgres@")
    history = live(Ground(tmp_path, commands, prepared(PEOPLE), server), SEED, CYCLES)
    assert history.wrong == []
    assert history.cycles >= CYCLES
    assert history.counts["killed"] + history.counts["stopped"] > 0
    assert history.counts["job.crashed"] == 0
