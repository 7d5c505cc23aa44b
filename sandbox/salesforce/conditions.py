"""Conditional headers of row and describe resources (reference: single-record writes)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from sandbox.core.http import Response
from sandbox.salesforce.errors import ApiError

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record

#: Only rows of this object have an ETag (reference: single-record writes).
TAGGED = "Account"


def http_date(text: str) -> datetime:
    """Read the date of a conditional header.

    Raises: ApiError.
    """
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError) as error:
        raise ApiError("INVALID_HEADER", "invalid date in conditional header") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def tag_of(row: Record) -> str | None:
    """Return the ETag of a row, None where the vendor has none."""
    if row.obj != TAGGED:
        return None
    return '"' + hashlib.blake2b(f"{row.id} {row.modified_at.isoformat()}".encode(), digest_size=16).hexdigest() + '"'


def _listed(header: str) -> set[str]:
    return {part.strip().removeprefix("W/").removesuffix('--gzip"').rstrip() for part in header.split(",")}


def check_unchanged(request: Request, row: Record) -> None:
    """Refuse a request whose client saw another version of the row.

    Raises: ApiError with status 412; 400 for a date that is none.
    """
    before = request.headers.get("if-unmodified-since")
    if before is not None and row.modified_at > http_date(before):
        raise ApiError("ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE", "Precondition failed", status=412)
    tags, own = request.headers.get("if-match"), tag_of(row)
    if tags is not None and own is not None and not _listed(tags) & {own, "*"}:
        raise ApiError("PRECONDITION_FAILED", "The precondition of the request was not met", status=412)


def not_modified(request: Request, row: Record) -> Response | None:
    """Return 304 when the client already has this version of the row.

    Raises: ApiError as ``check_unchanged`` does.
    """
    modified, tags = request.headers.get("if-modified-since"), request.headers.get("if-none-match")
    own = tag_of(row)
    if modified is not None and row.modified_at <= http_date(modified):
        return Response(304)
    if tags is not None and own is not None and _listed(tags) & {own, "*"}:
        return Response(304, None, {"ETag": own})
    check_unchanged(request, row)
    return None
