"""fields.yaml: which native field feeds which fact, and which CRM field shows which result."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from connector.mapping.conditions import When
from connector.mapping.values import Name, OneOrMany, Part, Share

ValueType = Literal["text", "integer", "number", "boolean", "date", "datetime"]
#: keys of a person's line that are not names of systems
_OWN_KEYS = frozenset({"type", "class", "sources"})


class FactLine(Part):
    """Where one fact about a person comes from.

    ``sources`` maps a configured system (``hubspot``) to its native field, dotted into the linked account where it
    starts with ``company.`` or ``account.``. Written flat: ``title: {hubspot: jobtitle, marketo: title}``.
    """

    sources: dict[str, Name] = Field(default_factory=dict, description="system: native field")
    type: ValueType = Field("text", description="how the value is read before it is compared")
    kind: Literal["inferred", "declared"] = Field(
        "inferred", alias="class", description="declared = the person said so in a form"
    )

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "sources" in value:
            return value
        sources = {key: inner for key, inner in value.items() if key not in _OWN_KEYS}
        return {"sources": sources} | {key: inner for key, inner in value.items() if key in _OWN_KEYS}


class CrmField(Part):
    """What one CRM field shows, and whose field it is."""

    source: Name = Field(alias="from", description="score.total, score.grade, stage, person.title, account.score …")
    write: Literal["always", "if_blank"] = Field(
        "always", description="always = the field is ours; if_blank = theirs, and only an empty one is filled"
    )
    only: Literal["lead", "contact"] | None = Field(None, description="the one object that has this field")
    values: dict[str, str] = Field(default_factory=dict, description="our value: picklist value")


class CrmFields(Part):
    """CRM fields by the kind of record that carries them."""

    person: dict[str, CrmField] = Field(default_factory=dict, description="on the lead or contact, whichever it is")
    account: dict[str, CrmField] = Field(default_factory=dict)


class Creation(Part):
    """When the connector may create a person in the CRM, and as what."""

    when: When
    as_: Literal["contact_if_account_else_lead", "lead"] = Field("contact_if_account_else_lead", alias="as")


class FieldsFile(Part):
    """fields.yaml."""

    person: dict[str, FactLine] = Field(default_factory=dict)
    account: dict[str, FactLine] = Field(default_factory=dict)
    crm: CrmFields = Field(default_factory=CrmFields)
    create: Creation | None = Field(None, description="left out: nobody is created")


PersonKey = Literal["crm_id", "source_id", "email"]
TieBreak = Literal["open_opportunity", "active_owner", "latest_activity"]


class PersonMatching(Part):
    """By which keys two records are one person, in order of trust."""

    keys: OneOrMany[PersonKey] = ("crm_id", "source_id", "email")
    several: Literal["review"] = Field("review", description="several living CRM records: a person decides")


class AccountTier(Part):
    """One way from a person to an account, tried in the order written."""

    by: Literal["link", "domain", "name"]
    accept: Share = Field(0.92, description="at least this sure: taken")
    review: Share = Field(0.75, description="at least this sure: a person decides")


class AccountMatching(Part):
    """How a person's account is found."""

    tiers: tuple[AccountTier, ...] = (AccountTier(by="link"), AccountTier(by="domain"), AccountTier(by="name"))
    tie_break: tuple[TieBreak, ...] = ("open_opportunity", "active_owner", "latest_activity")
    shared_domains: tuple[str, ...] = Field((), description="domains that never name an account: agencies, hosts")


class MatchingFile(Part):
    """matching.yaml."""

    person: PersonMatching = Field(default_factory=PersonMatching)
    account: AccountMatching = Field(default_factory=AccountMatching)
