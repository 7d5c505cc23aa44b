"""Errors as the vendor words them (reference: error catalogue)."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request, or one row of it, is refused."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] | None = None, status: int = 400) -> None:
        """Take the vendor's code and words, the fields concerned and the HTTP status of a single-row answer."""
        super().__init__(code)
        self.code, self.message, self.fields, self.status = code, message, fields, status

    def body(self) -> list[dict[str, Any]]:
        """Return the body of a REST resource: an array."""
        entry: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            entry["fields"] = list(self.fields)
        return [entry]

    def row(self) -> dict[str, Any]:
        """Return the error of one row inside a result list, where the key is ``statusCode``."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}


def not_found() -> ApiError:
    return ApiError("NOT_FOUND", "The requested resource does not exist", status=404)


def no_external_field(name: str) -> ApiError:
    words = f"Provided external ID field does not exist or is not accessible: {name}"
    return ApiError("NOT_FOUND", words, status=404)


def absent_row() -> ApiError:
    return ApiError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (), status=404)


def deleted_row() -> ApiError:
    return ApiError("ENTITY_IS_DELETED", "entity is deleted", (), status=404)


def no_column(name: str, obj: str) -> ApiError:
    return ApiError("INVALID_FIELD", f"No such column '{name}' on sobject of type {obj}")


def not_writable(names: list[str]) -> ApiError:
    words = (
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set."
    )
    return ApiError("INVALID_FIELD_FOR_INSERT_UPDATE", words, tuple(names))


def missing(names: list[str]) -> ApiError:
    return ApiError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(names)}]", tuple(names))


def bad_json(words: str) -> ApiError:
    return ApiError("JSON_PARSER_ERROR", words)


def no_access() -> ApiError:
    return ApiError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", (), status=403)


def no_access_across(row_id: str) -> ApiError:
    words = f"insufficient access rights on cross-reference id: {row_id}"
    return ApiError("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", words, ())


def session_expired() -> ApiError:
    return ApiError("INVALID_SESSION_ID", "Session expired or invalid", status=401)


def limit_exceeded() -> ApiError:
    return ApiError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)


def concurrency_exceeded() -> ApiError:
    words = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    return ApiError("REQUEST_LIMIT_EXCEEDED", words, status=403)


def locked_row(row_id: str) -> ApiError:
    words = f"unable to obtain exclusive access to this record or 1 records: {row_id}"
    return ApiError("UNABLE_TO_LOCK_ROW", words, ())


def converted_lead() -> ApiError:
    return ApiError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", ())


def duplicate_value(name: str, holder: str) -> ApiError:
    words = f"duplicate value found: {name} duplicates value on record with id: {holder}"
    return ApiError("DUPLICATE_VALUE", words, ())
