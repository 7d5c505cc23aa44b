"""What all bulk jobs share: their records, states and the moment at which they are carried out.

A job is carried out ``WORK`` after it was closed, on the org's clock: before the first request, act or snapshot from
then on. Until half of that it shows ``UploadComplete``, then ``InProgress``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.core.records import KEPT
from sandbox.salesforce.bulk.tables import DELIMITERS, LINE_ENDS
from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import full_id, make_id
from sandbox.salesforce.objects.values import stamp_text

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.salesforce.state import OrgState

Job = dict[str, Any]
#: From closing to completion.
WORK = timedelta(seconds=1)
#: How long a finished job and its results are kept, and how long one may stay open (reference: Bulk API 2.0).
KEPT_FOR = timedelta(days=7)
OPEN_FOR = timedelta(hours=24)
DAY = timedelta(hours=24)
LIST_PAGE = 1000
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
#: Objects that the Bulk API does not take.
NOT_BULK = frozenset({"TaskStatus", "TaskPriority", "LeadStatus", "OpportunityStage", "CustomField"})
DAILY_BATCHES = 15_000
DAILY_QUERY_JOBS = 10_000
#: Rows of one internal batch, which the daily limit counts.
BATCH_ROWS = 10_000


def refused(words: str, code: str = "INVALIDJOB", status: int = 400) -> ApiError:
    """Return the refusal of a request about a job."""
    return ApiError(code, words, status=status)


def dialect(body: dict[str, Any]) -> dict[str, str]:
    """Return the members of a job that say how its tables are written.

    Raises: ApiError INVALIDJOB.
    """
    found = {
        "contentType": str(body.get("contentType") or "CSV"),
        "columnDelimiter": str(body.get("columnDelimiter") or "COMMA"),
        "lineEnding": str(body.get("lineEnding") or "LF"),
    }
    for name, allowed in (("contentType", ("CSV",)), ("columnDelimiter", DELIMITERS), ("lineEnding", LINE_ENDS)):
        if found[name] not in allowed:
            raise refused(f"InvalidJob : {name} {found[name]} is not one of {', '.join(allowed)}")
    return found


class Jobs:
    """The bulk jobs of one org; what is kept of each survives a restart."""

    def __init__(self, state: OrgState) -> None:
        """Find the jobs again that are still to be carried out."""
        self._state = state
        self._waiting = [job_id for job_id in self._ids() if self.get(job_id)["_due"] is not None]
        #: How each type of job is carried out; given by the rooms.
        self.work: dict[str, Callable[[Job], None]] = {}

    def _ids(self) -> list[str]:
        found: list[str] = self._state.records.kept("bulk_jobs", [])
        return found

    def get(self, job_id: str) -> Job:
        """Return a copy of a job as it was kept; members with an underscore are not shown."""
        return dict(self._state.records.kept(f"bulk:{job_id}"))

    def store(self, job: Job) -> None:
        """Keep a job as it is now."""
        self._state.records.keep(f"bulk:{job['id']}", job)

    def data(self, job: Job, part: str) -> Any:
        """Return something large that belongs to a job: ``content`` or ``rows``."""
        return self._state.records.kept(f"bulk_{part}:{job['id']}")

    def put_data(self, job: Job, part: str, value: Any) -> None:
        """Keep something large beside a job."""
        self._state.records.keep(f"bulk_{part}:{job['id']}", value)

    def outcomes(self, job: Job) -> list[Any]:
        """Return what became of the rows of a job, step by step, in their order."""
        parts = range(int(job.get("_parts", 0)))
        return [outcome for part in parts for outcome in self.data(job, f"outcomes{part}")]

    def add_outcomes(self, job: Job, outcomes: Sequence[Any]) -> None:
        """Keep what became of the rows of a further step."""
        part = int(job.get("_parts", 0))
        self.put_data(job, f"outcomes{part}", outcomes)
        job["_parts"] = part + 1

    def create(self, kind: str, version: str, user: str, about: dict[str, Any]) -> Job:
        """Keep a new job of type ``V2Ingest`` or ``V2Query``."""
        self._sweep()
        records, now = self._state.records, stamp_text(self._state.clock.now())
        number = int(records.kept("bulk_number", 0)) + 1
        records.keep("bulk_number", number)
        job = {
            "id": make_id("750", number),
            "operation": about["operation"],
            "object": about["object"],
            "createdById": user,
            "createdDate": now,
            "systemModstamp": now,
            "state": "Open",
            "concurrencyMode": "Parallel",
            "apiVersion": float(version[1:]),
            **about,
            "jobType": kind,
            "_due": None,
            "_closed": None,
        }
        self.store(job)
        records.keep("bulk_jobs", [*self._ids(), job["id"]])
        return job

    def find(self, job_id: str, kind: str) -> Job:
        """Return a job of a type.

        Raises: ApiError NOT_FOUND.
        """
        full = full_id(job_id)
        if full is None or full not in self._ids() or self.get(full)["jobType"] != kind:
            raise ApiError("NOT_FOUND", "The requested resource does not exist", status=404)
        return self.get(full)

    def close(self, job: Job) -> None:
        """Put a job among those to be carried out."""
        now = self._state.clock.now()
        job |= {"state": "UploadComplete", "systemModstamp": stamp_text(now), "_closed": now.isoformat()}
        job["_due"] = (now + WORK).isoformat()
        self.store(job)
        self._waiting.append(job["id"])

    def end(self, job: Job, state: str, **more: Any) -> None:
        """Note that a job has come to its end."""
        job |= {"state": state, "systemModstamp": stamp_text(self._state.clock.now()), "_due": None, **more}
        self.store(job)
        self._waiting = [job_id for job_id in self._waiting if job_id != job["id"]]

    def drop(self, job: Job) -> None:
        """Forget a job and all that belongs to it."""
        records = self._state.records
        records.keep("bulk_jobs", [job_id for job_id in self._ids() if job_id != job["id"]])
        parts = [f"bulk_outcomes{part}" for part in range(int(job.get("_parts", 0)))]
        for part in ("bulk", "bulk_content", "bulk_rows", *parts):
            if records.kept(f"{part}:{job['id']}") is not None:
                records.erase(KEPT, f"{part}:{job['id']}")
        self._waiting = [job_id for job_id in self._waiting if job_id != job["id"]]

    def _sweep(self) -> None:
        """Forget jobs past their time; one that was never closed fails."""
        now = self._state.clock.now()
        for job_id in self._ids():
            job = self.get(job_id)
            age = now - datetime.fromisoformat(job["createdDate"])
            if age > KEPT_FOR:
                self.drop(job)
            elif job["state"] == "Open" and age > OPEN_FOR:
                self.end(job, "Failed", errorMessage="InvalidJob : the job stayed open for too long")

    def run_due(self, *, to_the_end: bool = False) -> None:
        """Carry out the jobs whose time has come, each one step, or all of them whole."""
        while self._waiting and self._step() and to_the_end:
            continue

    def _step(self) -> bool:
        """Carry out a step of each job that is due; tell whether there was one."""
        now, worked = self._state.clock.now(), False
        for job_id in list(self._waiting):
            job = self.get(job_id)
            if job["_due"] is not None and datetime.fromisoformat(job["_due"]) <= now:
                worked = True
                with self._state.records.transaction():
                    self.work[job["jobType"]](job)
        return worked

    def shown(self, job: Job, *, detail: bool = True) -> dict[str, Any]:
        """Return a job as the resources show it; ``detail`` adds what only a look at one job shows."""
        found = {name: value for name, value in job.items() if not name.startswith("_")}
        if job["_closed"] is not None and job["_due"] is not None:
            half = datetime.fromisoformat(job["_closed"]) + WORK / 2
            if self._state.clock.now() >= half:
                found["state"] = "InProgress"
        if detail:
            spent = {"retries": 0, "totalProcessingTime": 0}
            return spent | found
        counts = ("numberRecordsProcessed", "numberRecordsFailed", "apiActiveProcessingTime", "apexProcessingTime")
        return {name: value for name, value in found.items() if name not in ("jobType", *counts)}

    def listed(self, request: Request, kind: str, base: str) -> dict[str, Any]:
        """Return a page of the jobs of a type, oldest first."""
        start = request.arg("queryLocator") or "0"
        place = int(start) if start.isdecimal() else 0
        found = [job for job_id in self._ids() if (job := self.get(job_id))["jobType"] == kind]
        page = found[place : place + LIST_PAGE]
        done = place + len(page) >= len(found)
        records = [{**self.shown(job, detail=False), "jobType": kind} for job in page]
        return {
            "done": done,
            "nextRecordsUrl": None if done else f"{base}?queryLocator={place + len(page)}",
            "records": records,
        }

    # -- daily limits --------------------------------------------------------------------------

    def limits(self) -> tuple[int, int]:
        """Return how many ingest batches and query jobs are allowed in 24 hours."""
        kept = self._state.records.kept
        return int(kept("daily_batches", DAILY_BATCHES)), int(kept("daily_query_jobs", DAILY_QUERY_JOBS))

    def today(self) -> tuple[int, int]:
        """Return the ingest batches and the query jobs of the last 24 hours."""
        since = self._state.clock.now() - DAY
        batches = queries = 0
        for job_id in self._ids():
            job = self.get(job_id)
            if datetime.fromisoformat(job["createdDate"]) > since:
                queries += job["jobType"] == "V2Query"
                batches += int(job.get("_batches", 0))
        return batches, queries
