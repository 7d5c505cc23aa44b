"""The online check: can we get in, and may we do what we are here for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from adapters.salesforce.connection import Connection
from adapters.salesforce.masked import HISTORIES, MaskedEdits
from adapters.salesforce.schema import KEY_FIELD, OBJECTS, ObjectShape, Schema
from adapters.salesforce.streams import STREAMS
from adapters.salesforce.vendor_errors import ApiError
from connector.errors import AccessError, AdapterFault, RateLimited
from connector.ports.traits import Finding

#: object → standard fields that decisions may write
_WRITTEN: Mapping[str, tuple[str, ...]] = {
    "lead": ("OwnerId", "Status"),
    "contact": ("OwnerId",),
    "account": (),
    "task": ("OwnerId", "WhoId", "Subject", "Status", "Priority", "ActivityDate"),
}
_CREATED = ("task", "lead", "contact")
_FEW_CALLS_SHARE = 0.1
_NO_HISTORY = (
    "{} is not kept or not shown to our user: an edit by a person between our pull and our write of the same record "
    "is not told from ours"
)


class Checker:
    """Tests an org without changing it."""

    def __init__(self, connection: Connection, schema: Schema, masked: MaskedEdits) -> None:
        """Prepare; sends nothing."""
        self._connection = connection
        self._masked = masked
        self._schema = schema

    def check(self, wishes: Mapping[str, Sequence[str]]) -> list[Finding]:
        """Test address, sign-in, objects, wished fields, rights to write, and what is left of the day's calls.

        Raises:
            TransientError: the org cannot be reached.
        """
        try:
            user = self._connection.user_id()
        except (AccessError, AdapterFault) as error:
            return [Finding("sign-in", ok=False, message=error.message, cure=error.cure, shut=error.code)]
        except ApiError as error:
            return [_not_an_org(error)]
        except RateLimited as error:
            cure = "wait, or raise the org's limit"
            return [Finding("calls", ok=False, message=error.message, cure=cure, shut=error.code)]
        findings = [Finding("sign-in", ok=True, message=f"signed in as user {user}")]
        self._schema.forget()
        try:
            self._schema.load(spec.word for spec in STREAMS.values())
        except AccessError as error:
            return [*findings, Finding("describe", ok=False, message=error.message, cure=error.cure, shut=error.code)]
        findings += self._objects()
        findings += self._wished(wishes)
        findings += self._rights()
        findings += self._histories()
        return [*findings, self._calls_left()]

    def _objects(self) -> Iterable[Finding]:
        for spec in STREAMS.values():
            subject = f"read {spec.sobject}"
            if self._schema.find(spec.word) is not None:
                yield Finding(subject, ok=True, message="readable")
            elif spec.optional:
                yield Finding(subject, ok=True, message="not readable; its rows are left out")
            else:
                yield Finding(subject, ok=False, message="not readable", cure=f"let our user read {spec.sobject}")

    def _wished(self, wishes: Mapping[str, Sequence[str]]) -> Iterable[Finding]:
        for word, names in wishes.items():
            shape = self._schema.find(word) if word in OBJECTS else None
            for name in names:
                if shape is None or name.lower() not in {known.lower() for known in shape.fields}:
                    yield Finding(
                        f"field {word}.{name}",
                        ok=False,
                        message="not there, or not visible to our user",
                        cure="run handoff provision, or give our user the right to read it",
                    )

    def _rights(self) -> Iterable[Finding]:
        for word, standard in _WRITTEN.items():
            shape = self._schema.find(word)
            if shape is None:
                continue
            yield self._right(shape, standard)
            if word in _CREATED:
                yield _key(shape)

    def _right(self, shape: ObjectShape, standard: Iterable[str]) -> Finding:
        subject = f"write {shape.name}"
        if not shape.updateable or (shape.word in _CREATED and not shape.createable):
            cure = f"let our user create and edit {shape.name}"
            return Finding(subject, ok=False, message="our user may not create or edit it", cure=cure)
        closed = [
            name
            for name in (*standard, *shape.own_fields())
            if shape.has(name) and not shape.fields[name].get("updateable")
        ]
        if closed:
            names = ", ".join(closed)
            return Finding(subject, ok=False, message=f"read-only for our user: {names}", cure="run handoff provision")
        return Finding(subject, ok=True, message="writable")

    def _histories(self) -> Iterable[Finding]:
        self._masked.look()
        missing = self._masked.missing()
        for history, _ in HISTORIES.values():
            yield Finding(
                f"read {history}", ok=True, message=_NO_HISTORY.format(history) if history in missing else "readable"
            )

    def _calls_left(self) -> Finding:
        usage = self._connection.usage
        if usage is None:
            return Finding("calls", ok=True, message="the org does not say how many calls are left")
        left = usage.limit - usage.used
        few = left < usage.limit * _FEW_CALLS_SHARE
        message = f"{left} of {usage.limit} calls of 24 hours are left"
        return Finding("calls", ok=not few, message=message, cure="others use up the org's calls" if few else "")


def _key(shape: ObjectShape) -> Finding:
    subject = f"{KEY_FIELD} on {shape.name}"
    if not shape.has(KEY_FIELD):
        return Finding(subject, ok=False, message="missing", cure="run handoff provision")
    if shape.key_is_unique():
        return Finding(subject, ok=True, message="external id, unique")
    return Finding(subject, ok=True, message=_not_unique(shape))


def _not_unique(shape: ObjectShape) -> str:
    return (
        f"{shape.name} does not keep {KEY_FIELD} unique: after a lost answer a creation waits ten minutes before it is "
        "looked up and repeated, and a request that the network doubles makes two records"
    )


def shortcomings(schema: Schema, missing: Sequence[str]) -> list[str]:
    """Say what the org does not do for us, as far as is known: unique keys, field history. Sends nothing."""
    shapes = [schema.known(word) for word in _CREATED]
    doubled = [_not_unique(shape) for shape in shapes if shape and shape.has(KEY_FIELD) and not shape.key_is_unique()]
    return [*doubled, *(_NO_HISTORY.format(history) for history in missing)]


def _not_an_org(error: ApiError) -> Finding:
    return Finding(
        "address",
        ok=False,
        message=f"the host does not answer like an org (status {error.status})",
        cure="instance_url is the org's My Domain address; api_version is one that the org still knows",
        shut="salesforce.not_an_org",
    )
