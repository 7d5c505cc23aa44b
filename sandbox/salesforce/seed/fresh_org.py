"""A fresh org: its own record, users, queues, statuses, profiles, and the one custom field that was there before."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.objects.picklists import PICKLIST_DEFAULTS, PICKLISTS, STAGES
from sandbox.salesforce.objects.schema import Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.people.world import User, World
    from sandbox.salesforce.state import OrgState

#: Where the active lead assignment rule sends a lead when the client lets it.
RULE_QUEUE = "Web Leads"
#: Objects a queue can own here.
QUEUE_OBJECTS = ("Lead", "Task")
EXTERNAL_ID = Field(
    "External_Id__c",
    "string",
    "External Id",
    length=64,
    createable=True,
    updateable=True,
    nillable=True,
    unique=True,
    external_id=True,
    custom=True,
)
#: Users that exist in any org: username, first name, last name, active.
FIXED_USERS = (
    ("handoff@corp.example", "Handoff", "Integration", True),
    ("rep1@corp.example", "Rosa", "Ito", True),
    ("rep2@corp.example", "Ben", "Adeyemi", True),
    ("rep3@corp.example", "Jana", "Köster", True),
    ("ops@corp.example", "Olu", "Ferrari", True),
)


#: Who sees whose rows by default, as a fresh org has it; nothing here narrows it.
SHARING = {
    "DefaultAccountAccess": "Edit",
    "DefaultContactAccess": "ControlledByParent",
    "DefaultOpportunityAccess": "Edit",
    "DefaultLeadAccess": "ReadEditTransfer",
    "DefaultCaseAccess": "ReadEditTransfer",
    "DefaultCalendarAccess": "HideDetailsInsert",
    "DefaultPricebookAccess": "ReadSelect",
    "DefaultCampaignAccess": "All",
}


class Setup:
    """Fill a fresh org; every row is made by the administrator at one time."""

    def __init__(self, state: OrgState, born: datetime) -> None:
        """Take the org and the time from which it exists."""
        self._state, self._born = state, born
        #: Ids by the world's keys.
        self.ids: dict[str, str] = {}
        self._admin = make_id("005", 1)

    def row(self, obj: str, **values: Any) -> str:
        """Store a set-up row and return its id."""
        row_id = self._state.next_id(obj)
        self._state.records.insert(obj, row_id, values, at=self._born, by=self._admin)
        return row_id

    def fill(self, world: World | None) -> None:
        """Store everything that also an org without people has."""
        org_id = self.row(
            "Organization",
            Name="Corp Example",
            DefaultLocaleSidKey="en_US",
            TimeZoneSidKey="UTC",
            LanguageLocaleKey="en_US",
            OrganizationType="Developer Edition",
            InstanceName="SBX1",
            IsSandbox=False,
            FiscalYearStartMonth=1,
            PrimaryContact="Ada Min",
            Country="US",
            UiSkin="Theme3",
            SignupCountryIsoCode="US",
            WebToCaseDefaultOrigin="Web",
            NumKnowledgeService=2,
            MonthlyPageViewsUsed=0,
            MonthlyPageViewsEntitlement=0,
            ReceivesInfoEmails=True,
            ReceivesAdminInfoEmails=True,
            PreferencesLightningLoginEnabled=True,
            **SHARING,
        )
        self._state.records.keep("org_id", org_id)
        self._users(() if world is None else world.users)
        self._queues(
            {"q_unassigned": "Unassigned"} if world is None else {queue.key: queue.name for queue in world.queues}
        )
        self._statuses()
        self._fields()

    def _users(self, people: Sequence[User]) -> None:
        profile = self.row("Profile", Name="Standard User", UserType="Standard")
        top = self.row("Profile", Name="System Administrator", UserType="Standard")
        self._user("admin@corp.example", "Ada", "Min", top, active=True)
        named = {person.email: person for person in people}
        for email, first, last, active in FIXED_USERS:
            if email not in named:
                self.ids[email] = self._user(email, first, last, profile, active=active)
        for person in people:
            user_id = self._user(person.email, person.first_name, person.last_name, profile, active=person.active)
            self.ids[person.key] = self.ids[person.email] = user_id
        for person in people:
            if person.manager is not None and person.manager in self.ids:
                values = {"ManagerId": self.ids[person.manager]}
                self._state.records.update("User", self.ids[person.key], values, at=self._born, by=self._admin)
        self._state.records.keep("admin_user", self._admin)
        self._state.records.keep("integration_user", self.ids["handoff@corp.example"])

    def _user(self, email: str, first: str, last: str, profile: str, *, active: bool) -> str:
        return self.row(
            "User",
            Username=email,
            Email=email,
            FirstName=first,
            LastName=last,
            Alias=email.split("@", maxsplit=1)[0][:8],
            IsActive=active,
            ProfileId=profile,
            TimeZoneSidKey="UTC",
            LocaleSidKey="en_US",
            LanguageLocaleKey="en_US",
            EmailEncodingKey="UTF-8",
            UserType="Standard",
        )

    def _queues(self, named: dict[str, str]) -> None:
        for key, name in {**named, "q_rule": RULE_QUEUE}.items():
            queue = self.row(
                "Group", Name=name, DeveloperName=name.replace(" ", "_"), Type="Queue", DoesIncludeBosses=False
            )
            self.ids[key] = queue
            for obj in QUEUE_OBJECTS:
                self.row("QueueSobject", QueueId=queue, SobjectType=obj)
            for email in ("rep1@corp.example", "rep2@corp.example", "rep3@corp.example"):
                self.row("GroupMember", GroupId=queue, UserOrGroupId=self.ids[email])
        self.row("AssignmentRule", Name="Inbound leads", SobjectType="Lead", Active=True)
        self._state.records.keep("assignment_queue", self.ids["q_rule"])

    def _statuses(self) -> None:
        for obj, name in (("LeadStatus", "lead_status"), ("TaskStatus", "task_status"), ("TaskPriority", "priority")):
            for place, value in enumerate(PICKLISTS[name], 1):
                extra = {"IsHighPriority": value == "High"} if obj == "TaskPriority" else {}
                default = PICKLIST_DEFAULTS[name] == value
                self.row(obj, MasterLabel=value, ApiName=value, SortOrder=place, IsDefault=default, **extra)
        for place, (value, (probability, forecast)) in enumerate(STAGES.items(), 1):
            self.row(
                "OpportunityStage",
                MasterLabel=value,
                ApiName=value,
                SortOrder=place,
                IsActive=True,
                IsClosed=value.startswith("Closed"),
                IsWon=value == "Closed Won",
                ForecastCategoryName=forecast,
                DefaultProbability=probability,
            )

    def _fields(self) -> None:
        """Add the external id on Contact, which everybody sees through their profile."""
        metadata = {"type": "Text", "label": "External Id", "length": 64, "externalId": True, "unique": True}
        row_id = self.row(
            "CustomField",
            DeveloperName="External_Id",
            TableEnumOrId="Contact",
            FullName="Contact.External_Id__c",
            ManageableState="unmanaged",
        )
        entry = {"id": row_id, "base": "Contact", "metadata": metadata}
        self._state.add_field("Contact", EXTERNAL_ID, entry=entry)
        self._state.records.keep("field_number", 1)
        self._state.records.keep("open_fields", ["Contact.External_Id__c"])
