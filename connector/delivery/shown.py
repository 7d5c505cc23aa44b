"""What a person's record was last made to show, kept as JSON in memory."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from connector.domain.records import Value


@dataclass(slots=True)
class Shown:
    """Memory of one person's record.

    Attributes:
        total, grade, verdict, stage, disposition, reasons_key: as last decided to be shown.
        record: ``object:id`` of the CRM record they were decided for, or None.
        fields: our own CRM fields and their texts.
        personas: personas that were true at the last decision; one fires only when it becomes true.
        blanks: fill-ins that were true at the baseline: field → value; they never happen.
        fast: fast-lane rule → instant (ISO) of the last event that has been acted on.
        tasks: fast-lane rule → key of the task last opened.
        created: key of the record last asked for, so that no second one is while the CRM has yet to show the first.
    """

    total: float | None = None
    grade: str | None = None
    verdict: str | None = None
    stage: str | None = None
    disposition: str | None = None
    reasons_key: str | None = None
    record: str | None = None
    fields: dict[str, str | None] = field(default_factory=dict)
    personas: list[str] = field(default_factory=list)
    blanks: dict[str, Value] = field(default_factory=dict)
    fast: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    created: str | None = None

    @classmethod
    def load(cls, text: str | None) -> Shown:
        """Read what ``dump`` wrote; nothing gives an empty memory."""
        return cls(**json.loads(text)) if text else cls()

    def dump(self) -> str:
        """Write as JSON with sorted keys, so that equal memories are equal texts."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
