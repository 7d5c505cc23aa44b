"""fields.yaml: which native field feeds which fact, and which CRM field shows which result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from connector.mapping.conditions import When
from connector.mapping.values import Name, OneOrMany, Part, Share

ValueType = Literal["text", "integer", "number", "boolean", "date", "datetime"]
#: keys of a person's line that are not names of systems
_OWN_KEYS = frozenset({"type", "class", "sources", "declared"})


class FactLine(Part):
    """Where one fact about a person comes from.

    ``sources`` maps a configured system (``hubspot``) to its native field, dotted into the linked account where it
    starts with ``company.`` or ``account.``. Written flat: ``title: {hubspot: jobtitle, marketo: title}``.
    """

    sources: dict[str, Name] = Field(
        default_factory=dict,
        description="system: native field, written beside type and class",
        examples=[{"hubspot": "jobtitle"}],
    )
    type: ValueType = Field("text", description="how the value is read before it is compared", examples=["integer"])
    kind: Literal["inferred", "declared"] = Field(
        "inferred", alias="class", description="declared = the person said so in a form", examples=["declared"]
    )
    declared: dict[str, Name] = Field(
        default_factory=dict,
        description="system: the field in which the person said it themself; known, it wins over the rest",
        examples=[{"hubspot": "form_company_size"}],
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

    source: Name = Field(
        alias="from",
        description="score.total, score.grade, stage, person.title, account.score …",
        examples=["score.total"],
    )
    write: Literal["always", "if_blank", "if_true"] = Field(
        "always",
        description="always = the field is ours; if_blank = theirs, and only an empty one is filled; if_true = theirs,"
        " a box that is ticked and never unticked",
        examples=["if_blank"],
    )
    only: Literal["lead", "contact"] | None = Field(
        None, description="the one object that has this field", examples=["lead"]
    )
    values: dict[str, str] = Field(
        default_factory=dict, description="our value: picklist value", examples=[{"Software": "Technology"}]
    )


class CrmFields(Part):
    """CRM fields by the kind of record that carries them."""

    person: dict[str, CrmField] = Field(
        default_factory=dict,
        description="on the lead or contact, whichever the person is",
        examples=[{"Handoff_Score__c": {"from": "score.total"}}],
    )
    account: dict[str, CrmField] = Field(
        default_factory=dict,
        description="on the account",
        examples=[{"Handoff_Account_Score__c": {"from": "account.score"}}],
    )


class OptOuts(Part):
    """Fields, beside each system's own, that are true for people who must not be reached that way."""

    email: dict[str, OneOrMany[Name]] = Field(
        default_factory=dict,
        description="system: field, or several, that say no to e-mail",
        examples=[{"hubspot": "hs_email_optout_1002"}],
    )
    call: dict[str, OneOrMany[Name]] = Field(
        default_factory=dict,
        description="system: field, or several, that say no to calls",
        examples=[{"hubspot": ["do_not_call", "on_robinson_list"]}],
    )

    def of(self, channel: str, system: str) -> tuple[str, ...]:
        """List the further fields of one system that close a channel."""
        named: dict[str, tuple[str, ...]] = getattr(self, channel)
        return named.get(system, ())


class Creation(Part):
    """When the connector may create a person in the CRM, and as what."""

    when: When = Field(description="who is created", examples=[{"disposition": {"in": ["fast_lane", "sales"]}}])
    as_: Literal["contact_if_account_else_lead", "lead"] = Field(
        "contact_if_account_else_lead", alias="as", description="as which object", examples=["lead"]
    )


#: ways to reach a person, each of which a person can close
CHANNELS: tuple[str, ...] = ("call", "email")


class FieldsFile(Part):
    """fields.yaml."""

    person: dict[str, FactLine] = Field(
        default_factory=dict,
        description="facts about people beside the standard columns",
        examples=[{"channel": {"hubspot": "hs_analytics_source"}}],
    )
    account: dict[str, FactLine] = Field(
        default_factory=dict,
        description="facts about accounts beside the standard columns; conditions see them as account.NAME",
        examples=[{"tier": {"salesforce": "Rating"}}],
    )
    crm: CrmFields = Field(
        default_factory=CrmFields,
        description="which CRM field shows what",
        examples=[{"person": {"Handoff_Score__c": {"from": "score.total"}}}],
    )
    opt_out: OptOuts = Field(
        default_factory=OptOuts,
        description="further fields that say who must not be reached, beside those the systems have for it",
        examples=[{"email": {"hubspot": "hs_email_optout_1002"}}],
    )
    create: Creation | None = Field(
        None,
        description="who may be created in the CRM; left out: nobody",
        examples=[{"when": {"disposition": "sales"}, "as": "lead"}],
    )


def with_declared_lines(fields: FieldsFile) -> FieldsFile:
    """Add a line ``declared.NAME`` for each line that has sources of what people declared."""
    declared = {
        f"declared.{name}": FactLine(sources=line.declared, type=line.type)
        for name, line in fields.person.items()
        if line.declared
    }
    return fields.model_copy(update={"person": fields.person | declared}) if declared else fields


PersonKey = Literal["crm_id", "source_id", "email", "name_account"]
TieBreak = Literal["open_opportunity", "active_owner", "latest_activity"]
Hierarchy = Literal["top", "ask", "roll_up"]


class PersonMatching(Part):
    """By which keys two records are one person, in order of trust."""

    keys: OneOrMany[PersonKey] = Field(
        ("crm_id", "source_id", "email"),
        description="in order of trust; name_account, wherever it stands, only asks a person and joins nobody",
        examples=[["crm_id", "email", "name_account"]],
    )
    several: Literal["review"] = Field(
        "review", description="several living CRM records: a person decides", examples=["review"]
    )


class AccountTier(Part):
    """One way from a person to an account, tried in the order written."""

    by: Literal["link", "domain", "name"] = Field(description="what is compared", examples=["domain"])
    accept: Share = Field(0.92, description="at least this sure: taken", examples=[0.92])
    review: Share = Field(0.75, description="at least this sure: a person decides", examples=[0.75])


class AccountMatching(Part):
    """How a person's account is found."""

    tiers: tuple[AccountTier, ...] = Field(
        (AccountTier(by="link"), AccountTier(by="domain"), AccountTier(by="name")),
        description="ways from a person to an account, tried in this order",
        examples=[[{"by": "link"}, {"by": "domain"}]],
    )
    tie_break: tuple[TieBreak, ...] = Field(
        ("open_opportunity", "active_owner", "latest_activity"),
        description="what decides between accounts that match equally well",
        examples=[["open_opportunity"]],
    )
    shared_domains: tuple[str, ...] = Field(
        (), description="domains that never name an account: agencies, hosts", examples=[["agency.example"]]
    )
    aliases: Mapping[str, str] = Field(
        default_factory=dict,
        description="domains that stand for another: an old one, a redirect, a brand; chains are followed",
        examples=[{"old-name.example": "acme.example"}],
    )
    aliases_file: str | None = Field(
        None,
        description="more of them in a CSV file beside this one, with the columns domain and stands_for",
        examples=["domains.csv"],
    )
    hierarchy: Hierarchy = Field(
        "top",
        description="accounts of one family: top takes the topmost where its members tie, ask leaves the tie to a"
        " person, roll_up takes the topmost for every match by domain or name",
        examples=["roll_up"],
    )


class MatchingFile(Part):
    """matching.yaml."""

    person: PersonMatching = Field(
        default_factory=PersonMatching, description="when two records are one person", examples=[{"keys": ["email"]}]
    )
    account: AccountMatching = Field(
        default_factory=AccountMatching,
        description="to which account a person belongs",
        examples=[{"tiers": [{"by": "link"}, {"by": "domain"}]}],
    )
