"""Shapes of the large sets the state remembers of people."""

from __future__ import annotations

import pyarrow as pa

INSTANT = pa.timestamp("us", "UTC")

#: which reference belongs to which person; one row per reference
IDENTITIES = pa.schema(
    [("system", pa.string()), ("object", pa.string()), ("id", pa.string()), ("person_id", pa.string())]
)
#: one row per person: memory that scores do not have. ``subject`` is the reference (``system:object:id``) that keys are
#: built from, stored once chosen. ``shown`` is JSON: what was last written to the CRM (numbers, grade, reasons).
PERSONS = pa.schema(
    [
        ("person_id", pa.string()),
        ("subject", pa.string()),
        ("stage", pa.string()),
        ("stage_since", INSTANT),
        ("stage_entry", pa.int64()),
        ("cool_off_until", INSTANT),
        ("disposition", pa.string()),
        ("account_id", pa.string()),
        ("match_method", pa.string()),
        ("match_confidence", pa.float64()),
        ("match_evidence", pa.string()),
        ("runner_up", pa.string()),
        ("shown", pa.string()),
    ]
)
#: one row per move between stages, ever
STAGE_MOVES = pa.schema(
    [
        ("person_id", pa.string()),
        ("entry", pa.int64()),
        ("from_stage", pa.string()),
        ("to_stage", pa.string()),
        ("at", INSTANT),
        ("because", pa.string()),
        ("run_id", pa.string()),
    ]
)
#: one row each time a person's shown numbers changed; ``lines`` is JSON
SCORE_HISTORY = pa.schema(
    [
        ("person_id", pa.string()),
        ("at", INSTANT),
        ("run_id", pa.string()),
        ("model", pa.string()),
        ("fit", pa.float64()),
        ("interest", pa.float64()),
        ("qualification", pa.float64()),
        ("total", pa.float64()),
        ("grade", pa.string()),
        ("verdict", pa.string()),
        ("lines", pa.string()),
    ]
)

#: one row each time a person came to an account, left it, or went from one to another, ever; an account is empty where
#: there is none. ``cause`` says what led there: method and evidence of the match, or which question waits.
ACCOUNT_MOVES = pa.schema(
    [
        ("person_id", pa.string()),
        ("at", INSTANT),
        ("from_account", pa.string()),
        ("to_account", pa.string()),
        ("cause", pa.string()),
        ("run_id", pa.string()),
    ]
)
