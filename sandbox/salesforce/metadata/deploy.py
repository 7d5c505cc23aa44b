"""Packages of metadata: a zip with a list of its parts, taken in at once and reported when asked for."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.metadata.metadata_store import FIELD, SET, MetadataStore
from sandbox.salesforce.objects.values import stamp_text
from sandbox.salesforce.soap.envelopes import Plain, SoapFault, every, first, parse_xml, plain, yes

if TYPE_CHECKING:
    from sandbox.salesforce.api import Api

#: Bytes of a package once unpacked.
LARGEST_PACKAGE = 50_000_000
#: (kind, full name, element, file) of one component.
Part = tuple[str, str, Plain, str]


class Deploys:
    """The deployments of one org."""

    def __init__(self, api: Api, store: MetadataStore) -> None:
        """Take the org's rooms and where components go."""
        self._api, self._store = api, store

    def start(self, call: Plain) -> dict[str, Any]:
        """Carry a deployment out and return where its outcome can be asked for.

        Raises: SoapFault when the package cannot be read.
        """
        options = first(call, "DeployOptions")
        parts = self._unpacked(first(call, "ZipFile"))
        check, whole = yes(first(options, "checkOnly")), yes(first(options, "rollbackOnError"))
        bad: list[dict[str, Any]] = []
        good: list[dict[str, Any]] = []
        state = self._api.state
        with state.records.transaction() as everything:
            for part in parts:
                self._take(part, good, bad)
            if check or (bad and whole):
                everything.roll_back()
        state.resync_fields()
        return self._remember(good, bad, check=check, whole=whole)

    def _unpacked(self, text: Any) -> list[Part]:
        try:
            archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(str(text or ""))))
        except (binascii.Error, zipfile.BadZipFile) as error:
            raise SoapFault("INVALID_ZIP", "zip file could not be read") from error
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST_PACKAGE:
            raise SoapFault("LIMIT_EXCEEDED", "Maximum size of request reached")
        names = archive.namelist()
        if not any(name.rpartition("/")[2] == "package.xml" for name in names):
            raise SoapFault("INVALID_ZIP", "No package.xml found")
        parts: list[Part] = []
        for name in sorted(names):
            if name.endswith("/") or name.rpartition("/")[2] == "package.xml":
                continue
            parts += self._parts_of(name, archive.read(name))
        return sorted(parts, key=lambda part: part[0] != FIELD)

    def _parts_of(self, name: str, content: bytes) -> list[Part]:
        stem, _, suffix = name.rpartition("/")[2].rpartition(".")
        element = plain(parse_xml(content))
        if suffix == "object":
            if set(element if isinstance(element, dict) else ()) - {"fields"}:
                raise SoapFault("SANDBOX_NOT_BUILT", "The sandbox deploys only the fields of an object", status=501)
            fields = every(element, "fields")
            return [(FIELD, f"{stem}.{first(field, 'fullName')}", field, name) for field in fields]
        if suffix == "permissionset":
            return [(SET, stem, {**(element if isinstance(element, dict) else {}), "fullName": [stem]}, name)]
        raise SoapFault("SANDBOX_NOT_BUILT", f"The sandbox does not deploy .{suffix} files", status=501)

    def _take(self, part: Part, good: list[dict[str, Any]], bad: list[dict[str, Any]]) -> None:
        kind, full_name, element, name = part
        fresh = not self._store.exists(kind, full_name)
        named: Plain = {**(element if isinstance(element, dict) else {}), "fullName": [full_name]}
        report: dict[str, Any] = {
            "changed": True,
            "componentType": kind,
            "created": fresh,
            "createdDate": self._now(),
            "deleted": False,
            "fileName": name,
            "fullName": full_name,
        }
        try:
            with self._api.state.records.transaction():
                (self._store.create if fresh else self._store.update)(kind, named)
        except ApiError as error:
            self._api.state.resync_fields()
            bad.append({**report, "problem": error.message, "problemType": "Error", "success": False})
        else:
            good.append({**report, "success": True})

    def _now(self) -> str:
        return stamp_text(self._api.state.clock.now()).replace("+0000", "Z")

    def _remember(
        self, good: list[dict[str, Any]], bad: list[dict[str, Any]], *, check: bool, whole: bool
    ) -> dict[str, Any]:
        state = self._api.state
        known: dict[str, Any] = state.records.kept("deploys", {})
        row_id = make_id("0Af", len(known) + 1)
        now = self._now()
        status = "Succeeded" if not bad else "Failed" if whole or not good else "SucceededPartial"
        details = {**({"componentFailures": bad} if bad else {}), "componentSuccesses": good}
        report = {
            "checkOnly": check,
            "completedDate": now,
            "createdBy": self._api.user,
            "createdByName": "User",
            "createdDate": now,
            "details": {**details, "runTestResult": {"numFailures": 0, "numTestsRun": 0, "totalTime": 0.0}},
            "done": True,
            "id": row_id,
            "ignoreWarnings": False,
            "lastModifiedDate": now,
            "numberComponentErrors": len(bad),
            "numberComponentsDeployed": len(good),
            "numberComponentsTotal": len(good) + len(bad),
            "numberTestErrors": 0,
            "numberTestsCompleted": 0,
            "numberTestsTotal": 0,
            "rollbackOnError": whole,
            "runTestsEnabled": False,
            "startDate": now,
            "status": status,
            "success": status != "Failed",
        }
        state.records.keep("deploys", {**known, row_id: report})
        return {"done": False, "id": row_id, "state": "Queued"}

    def status(self, row_id: str) -> dict[str, Any]:
        """Return the report of a deployment.

        Raises: SoapFault.
        """
        found: dict[str, Any] | None = self._api.state.records.kept("deploys", {}).get(row_id)
        if found is None:
            raise SoapFault("INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {row_id}")
        return found
