"""Carry out an ingest job: rows in chunks of 200, each row for itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.bulk.jobs import BATCH_ROWS, Job, Jobs
from sandbox.salesforce.bulk.tables import DELIMITERS, LINE_ENDS, NULL, BadTable, rows_of
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.objects.schema import NUMBER_TYPES, Field, SObject
from sandbox.salesforce.rows.dml import Author, SeveralRows
from sandbox.salesforce.rows.dml import Outcome as Written

if TYPE_CHECKING:
    from sandbox.salesforce.api import Api

#: Rows that are committed together (reference: Bulk API 2.0).
CHUNK = 200
#: Rows that are written at once; between two steps other requests are answered.
STEP_ROWS = 20_000
BOOLEANS = {"1": True, "0": False, "true": True, "false": False}
#: Of a row: its id, whether it was created, and its error.
Outcome = tuple[str, bool, str | None]


class Loading:
    """Write the rows of ingest jobs."""

    def __init__(self, api: Api, jobs: Jobs) -> None:
        """Take the org's rooms."""
        self._api, self._jobs = api, jobs
        #: Contents of jobs at work, read once.
        self._tables: dict[str, tuple[list[str], list[list[str]]]] = {}

    def carry_out(self, job: Job) -> None:
        """Write rows of a closed job and note what became of each; a long job is done in steps."""
        start, outcomes, problem, left = int(job.get("_done", 0)), list[Outcome](), None, 0
        try:
            header, body = self._table(job)
            columns = self._columns(job, header)
            stop = min(len(body), start + STEP_ROWS)
            left = len(body) - stop
            for place in range(start, stop, CHUNK):
                chunk = body[place : min(stop, place + CHUNK)]
                _check_width(chunk, len(header))
                outcomes += self._chunk(job, columns, chunk)
            job["_batches"] = max(1, -(-len(body) // BATCH_ROWS))
        except BadTable as error:
            problem, left = str(error), 0
        self._api.state.rights_changed()
        self._note(job, start, outcomes)
        if left:
            self._jobs.store(job)
            return
        self._tables.pop(job["id"], None)
        more = {} if problem is None else {"errorMessage": problem}
        self._jobs.end(job, "JobComplete" if problem is None else "Failed", **more)

    def _table(self, job: Job) -> tuple[list[str], list[list[str]]]:
        """Return header and rows of a job's content.

        Raises: BadTable.
        """
        known = self._tables.get(job["id"])
        if known is None:
            text = self._jobs.data(job, "content") or ""
            rows = list(rows_of(text, DELIMITERS[job["columnDelimiter"]], LINE_ENDS[job["lineEnding"]]))
            known = self._tables[job["id"]] = (rows[0], rows[1:]) if rows else ([], [])
        return known

    def _note(self, job: Job, start: int, outcomes: list[Outcome]) -> None:
        """Keep what became of the rows of one step."""
        self._jobs.add_outcomes(job, outcomes)
        done = start + len(outcomes)
        failed = sum(1 for outcome in outcomes if outcome[2] is not None)
        job |= {
            "_done": done,
            "numberRecordsProcessed": done,
            "numberRecordsFailed": int(job.get("numberRecordsFailed", 0)) + failed,
            "totalProcessingTime": 100 + done // 10,
            "apiActiveProcessingTime": 40 + done // 20,
        }

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
