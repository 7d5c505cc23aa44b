"""Carry out an ingest job: rows in chunks of 200, each row for itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.bulk.jobs import BATCH_ROWS, Job, Jobs
from sandbox.salesforce.bulk.tables import DELIMITERS, LINE_ENDS, NULL, BadTable, rows_of
from sandbox.salesforce.dml import Author, SeveralRows
from sandbox.salesforce.dml import Outcome as Written
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.schema import NUMBER_TYPES, Field, SObject

if TYPE_CHECKING:
    from sandbox.salesforce.api import Api

#: Rows that are committed together (reference: Bulk API 2.0).
CHUNK = 200
BOOLEANS = {"1": True, "0": False, "true": True, "false": False}
#: Of a row: its id, whether it was created, and its error.
Outcome = tuple[str, bool, str | None]


class Loading:
    """Write the rows of ingest jobs."""

    def __init__(self, api: Api, jobs: Jobs) -> None:
        """Take the org's rooms."""
        self._api, self._jobs = api, jobs

    def carry_out(self, job: Job) -> None:
        """Write the rows of a closed job and note what became of each."""
        text = self._jobs.data(job, "content") or ""
        delimiter, line_end = DELIMITERS[job["columnDelimiter"]], LINE_ENDS[job["lineEnding"]]
        outcomes: list[Outcome] = []
        problem: str | None = None
        try:
            rows = list(rows_of(text, delimiter, line_end))
            header, body = (rows[0], rows[1:]) if rows else ([], [])
            columns = self._columns(job, header)
            for start in range(0, len(body), CHUNK):
                chunk = body[start : start + CHUNK]
                _check_width(chunk, len(header))
                outcomes += self._chunk(job, columns, chunk)
            job["_batches"] = max(1, -(-len(body) // BATCH_ROWS))
        except BadTable as error:
            problem = str(error)
        self._api.state.rights_changed()
        self._jobs.put_data(job, "outcomes", outcomes)
        failed = sum(1 for outcome in outcomes if outcome[2] is not None)
        more: dict[str, Any] = {
            "numberRecordsProcessed": len(outcomes),
            "numberRecordsFailed": failed,
            "totalProcessingTime": 100 + len(outcomes) // 10,
            "apiActiveProcessingTime": 40 + len(outcomes) // 20,
        }
        if problem is not None:
            more["errorMessage"] = problem
        self._jobs.end(job, "JobComplete" if problem is None else "Failed", **more)

    # -- the header ----------------------------------------------------------------------------

    def _columns(self, job: Job, header: list[str]) -> list[tuple[Field, str | None]]:
        """Return for each column its field and, for one that names a parent by a key, the key's field.

        Raises: BadTable.
        """
        if not header:
            raise BadTable("InvalidBatch : The content has no header row")
        obj = self._api.dml.object(job["object"])
        found = [self._column(obj, name.strip()) for name in header]
        names = {field.name for field, key in found if key is None}
        needed = {"upsert": job.get("externalIdFieldName"), "insert": None}.get(job["operation"], "Id")
        if needed is not None and needed not in names:
            raise BadTable(f"InvalidBatch : Field name not found : {needed}")
        twice = [name for name, number in Counter(name.strip().lower() for name in header).items() if number > 1]
        if twice:
            raise BadTable(f"InvalidBatch : Field name is duplicated : {twice[0]}")
        return found

    def _column(self, obj: SObject, name: str) -> tuple[Field, str | None]:
        state, user = self._api.state, self._api.user
        first, dot, rest = name.partition(".")
        if dot:
            kind, colon, relation = first.partition(":")
            link = obj.relationship(relation if colon else first)
            targets = [kind] if colon else list(link.refers_to) if link is not None else []
            for target in targets:
                parent = state.schema.object(target)
                if link is not None and parent is not None and state.visible_field(parent, rest, user) is not None:
                    return link, rest
            raise BadTable(f"InvalidBatch : Field name not found : {name}")
        field = state.visible_field(obj, name, user)
        if field is None:
            raise BadTable(f"InvalidBatch : Field name not found : {name}")
        return field, None

    # -- the rows ------------------------------------------------------------------------------

    def _chunk(self, job: Job, columns: list[tuple[Field, str | None]], rows: list[list[str]]) -> list[Outcome]:
        key = job.get("externalIdFieldName")
        place = next((number for number, (field, by) in enumerate(columns) if by is None and field.name == key), None)
        counts = Counter(row[place].casefold() for row in rows) if place is not None else Counter()
        outcomes = []
        for row in rows:
            twice = place is not None and row[place] != "" and counts[row[place].casefold()] > 1 and key != "Id"
            outcomes.append(self._row(job, columns, row, twice=row[place] if twice and place is not None else None))
        return outcomes

    def _row(self, job: Job, columns: list[tuple[Field, str | None]], row: list[str], *, twice: str | None) -> Outcome:
        api, known = self._api, ""
        if twice is not None:
            return (
                "",
                False,
                f"DUPLICATE_VALUE:Duplicate external id specified: {twice}:{job['externalIdFieldName']} --",
            )
        try:
            body = self._body(columns, row)
            known = str(body.get("Id") or "")
            with api.state.records.transaction():
                done = self._write(job, body)
        except ApiError as error:
            fields = ",".join(error.fields or ())
            return known, False, f"{error.code}:{error.message}:{fields} --"
        except SeveralRows as several:
            words = f"{job['externalIdFieldName']}: more than one record found for external id field"
            return "", False, f"DUPLICATE_EXTERNAL_ID:{words}: [{', '.join(several.ids)}]: --"
        if done.effect:
            key = KINDS[job["operation"]], str(job["object"])
            api.loaded[key] = api.loaded.get(key, 0) + 1
        return done.id, done.created, None

    def _body(self, columns: list[tuple[Field, str | None]], row: list[str]) -> dict[str, Any]:
        """Return a row as the body of a single write: an empty cell is left out, ``#N/A`` is null."""
        body: dict[str, Any] = {}
        for (field, key), cell in zip(columns, row, strict=True):
            if cell == "":
                continue
            if key is not None:
                if cell == NULL:
                    body[field.name] = None
                else:
                    body[str(field.relationship)] = {key: cell}
                continue
            body[field.name] = None if cell == NULL else _typed(field, cell)
        return body

    def _write(self, job: Job, body: dict[str, Any]) -> Written:
        dml, operation = self._api.dml, job["operation"]
        obj = dml.object(job["object"])
        by = Author(job["createdById"], auto_assign="assignmentRuleId" in job)
        row_id = body.pop("Id", None) if operation != "insert" else None
        if operation == "insert":
            return dml.create(obj, body, by)
        if operation == "upsert":
            key = dml.key_field(obj, job["externalIdFieldName"], by.user)
            value = row_id if key.name == "Id" else body.pop(key.name, None)
            if value is None and key.name != "Id":
                raise ApiError("MISSING_ARGUMENT", f"{key.name} not specified", ())
            return dml.upsert(obj, key, value, body, by)
        if not row_id:
            raise ApiError("MISSING_ARGUMENT", "Id not specified", ())
        if operation == "update":
            return dml.update(obj, row_id, body, by)
        done = dml.delete(obj, row_id, by)
        if operation == "hardDelete":
            self._api.state.purge(obj.name, done.id)
        return done


def _check_width(rows: list[list[str]], width: int) -> None:
    if any(len(row) != width for row in rows):
        raise BadTable("InvalidBatch : The number of columns of a row differs from the header's")


#: How the ledger calls what each operation does.
KINDS = {"insert": "create", "update": "update", "upsert": "upsert", "delete": "delete", "hardDelete": "delete"}


def _typed(field: Field, cell: str) -> Any:
    """Return a cell in the form in which a JSON body would hold it.

    Raises: ApiError INVALID_TYPE_ON_FIELD_IN_RECORD.
    """
    wrong = ApiError(
        "INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.label}: value not of required type: {cell}", (field.name,)
    )
    if field.type == "boolean":
        if cell.lower() not in BOOLEANS:
            raise wrong
        return BOOLEANS[cell.lower()]
    if field.type in NUMBER_TYPES:
        try:
            return float(cell)
        except ValueError:
            raise wrong from None
    return cell
