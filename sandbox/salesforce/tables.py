"""The standard fields of the org, one line each.

``Name type flags detail``. Flags: c createable, u updateable, n nillable, d defaulted on create, r restricted picklist,
l usable as look-up key, x neither filterable nor sortable, ``-`` none. Detail: a length, ``precision,scale``, digits,
``>Object|Object`` for references, ``@list`` for picklists, ``=value`` for the default.
"""

from __future__ import annotations

from sandbox.salesforce.setup_tables import AUDIT, SMALL

VIEWED = """
LastViewedDate datetime n
LastReferencedDate datetime n
"""


def _address(prefix: str) -> str:
    return f"""
{prefix}Street textarea cun 255
{prefix}City string cun 40
{prefix}State string cun 80
{prefix}PostalCode string cun 20
{prefix}Country string cun 80
{prefix}Address address n
"""


ACCOUNT = f"""
Id id dl 18
IsDeleted boolean d
MasterRecordId ref n >Account
Name string cu 255
Type picklist cun 40 @account_type
ParentId ref cun >Account
{_address("Billing")}
{_address("Shipping")}
Phone phone cun 40
Fax phone cun 40
AccountNumber string cun 40
Website url cun 255
PhotoUrl url n 255
Industry picklist cun 40 @industry
AnnualRevenue currency cun 18,0
NumberOfEmployees int cun 8
Ownership picklist cun 40 @ownership
TickerSymbol string cun 20
Description textarea cunx 32000
Rating picklist cun 40 @rating
Site string cun 80
OwnerId ref cud >User
{AUDIT}
LastActivityDate date n
{VIEWED}
AccountSource picklist cun 40 @lead_source
"""

LEAD = f"""
Id id dl 18
IsDeleted boolean d
MasterRecordId ref n >Lead
LastName string cu 80
FirstName string cun 40
Salutation picklist cun 40 @salutation_lead
Name string - 121
Title string cun 128
Company string cu 255
{_address("")}
Phone phone cun 40
MobilePhone phone cun 40
Fax phone cun 40
Email email cunl 80
Website url cun 255
PhotoUrl url n 255
Description textarea cunx 32000
LeadSource picklist cun 255 @lead_source
Status picklist cud 255 @lead_status
Industry picklist cun 255 @industry
Rating picklist cun 255 @rating
AnnualRevenue currency cun 18,0
NumberOfEmployees int cun 8
OwnerId ref cud >Group|User
HasOptedOutOfEmail boolean cud
DoNotCall boolean cud
IsConverted boolean cd
ConvertedDate date n
ConvertedAccountId ref n >Account
ConvertedContactId ref n >Contact
ConvertedOpportunityId ref n >Opportunity
IsUnreadByOwner boolean cud =true
{AUDIT}
LastActivityDate date n
{VIEWED}
EmailBouncedReason string un 255
EmailBouncedDate datetime un
"""

CONTACT = f"""
Id id dl 18
IsDeleted boolean d
MasterRecordId ref n >Contact
AccountId ref cun >Account
LastName string cu 80
FirstName string cun 40
Salutation picklist cun 40 @salutation
Name string - 121
{_address("Other")}
{_address("Mailing")}
Phone phone cun 40
Fax phone cun 40
MobilePhone phone cun 40
HomePhone phone cun 40
OtherPhone phone cun 40
AssistantPhone phone cun 40
ReportsToId ref cun >Contact
Email email cunl 80
Title string cun 128
Department string cun 80
AssistantName string cun 40
LeadSource picklist cun 255 @lead_source
Birthdate date cun
Description textarea cunx 32000
OwnerId ref cud >User
HasOptedOutOfEmail boolean cud
DoNotCall boolean cud
{AUDIT}
LastActivityDate date n
{VIEWED}
EmailBouncedReason string cun 255
EmailBouncedDate datetime cun
IsEmailBounced boolean d
PhotoUrl url n 255
"""

OPPORTUNITY = f"""
Id id dl 18
IsDeleted boolean d
AccountId ref cun >Account
IsPrivate boolean cud
Name string cul 120
Description textarea cunx 32000
StageName picklist cu 255 @stage
Amount currency cun 18,2
Probability percent cund 3,0
ExpectedRevenue currency n 18,2
TotalOpportunityQuantity double cun 18,2
CloseDate date cu
Type picklist cun 255 @opportunity_type
NextStep string cun 255
LeadSource picklist cun 255 @lead_source
IsClosed boolean d
IsWon boolean d
ForecastCategory picklist r 40 @forecast
ForecastCategoryName picklist cundr 255 @forecast_name
CampaignId ref cun >Campaign
HasOpportunityLineItem boolean d
OwnerId ref cud >User
{AUDIT}
LastActivityDate date n
LastStageChangeDate datetime n
FiscalQuarter int n 8
FiscalYear int n 8
Fiscal string n 6
ContactId ref cn >Contact
{VIEWED}
"""

ROLE = f"""
Id id dl 18
OpportunityId ref c >Opportunity
ContactId ref cu >Contact
Role picklist cun 40 @contact_role
IsPrimary boolean cud
{AUDIT}
IsDeleted boolean d
"""

TASK = f"""
Id id dl 18
WhoId ref cun >Contact|Lead
WhatId ref cun >Account|Campaign|Opportunity
Subject combobox cun 255 @subject
ActivityDate date cun
Status picklist cud 255 @task_status
Priority picklist cud 255 @priority
IsHighPriority boolean d
OwnerId ref cud >Group|User
Description textarea cunx 32000
IsDeleted boolean d
AccountId ref n >Account
IsClosed boolean d
{AUDIT}
IsArchived boolean d
CallDurationInSeconds int cun 8
CallType picklist cunr 40 @call_type
CallDisposition string cun 255
CallObject string cun 255
ReminderDateTime datetime cun
IsReminderSet boolean cud
IsRecurrence boolean cd
TaskSubtype picklist cnr 40 @task_subtype
CompletedDateTime datetime n
"""

EVENT = f"""
Id id dl 18
WhoId ref cun >Contact|Lead
WhatId ref cun >Account|Campaign|Opportunity
Subject combobox cun 255 @subject
Location string cun 255
IsAllDayEvent boolean cud
ActivityDateTime datetime cun
ActivityDate date cun
DurationInMinutes int cun 8
StartDateTime datetime cun
EndDateTime datetime cun
EndDate date n
Description textarea cunx 32000
AccountId ref n >Account
OwnerId ref cud >User
IsPrivate boolean cud
ShowAs picklist cundr 40 @show_as
IsDeleted boolean d
IsChild boolean d
IsGroupEvent boolean d
GroupEventType picklist ndr 40 @group_event
{AUDIT}
IsArchived boolean d
ReminderDateTime datetime cun
IsReminderSet boolean cud
EventSubtype picklist cnr 40 @event_subtype
"""

USER = f"""
Id id dl 18
Username string cu 80
LastName string cu 80
FirstName string cun 40
Name string - 121
CompanyName string cun 80
Department string cun 80
Title string cun 80
Email email cu 128
Phone phone cun 40
MobilePhone phone cun 40
Alias string cu 8
IsActive boolean cud =true
TimeZoneSidKey picklist cud 40 @time_zone
UserRoleId ref cun >UserRole
LocaleSidKey picklist cud 40 @locale
LanguageLocaleKey picklist cud 40 @locale
EmailEncodingKey picklist cud 40 @encoding
ProfileId ref cu >Profile
UserType picklist d 40 @user_type
ManagerId ref cun >User
LastLoginDate datetime n
{AUDIT}
{VIEWED}
"""

CAMPAIGN = f"""
Id id dl 18
IsDeleted boolean d
Name string cu 80
ParentId ref cun >Campaign
Type picklist cun 40 @campaign_type
Status picklist cund 40 @campaign_status
StartDate date cun
EndDate date cun
ExpectedRevenue currency cun 18,0
BudgetedCost currency cun 18,0
ActualCost currency cun 18,0
ExpectedResponse percent cun 8,2
NumberSent double cun 18,0
IsActive boolean cud
Description textarea cunx 32000
OwnerId ref cud >User
{AUDIT}
LastActivityDate date n
{VIEWED}
"""

MEMBER = f"""
Id id dl 18
IsDeleted boolean d
CampaignId ref c >Campaign
LeadId ref cn >Lead
ContactId ref cn >Contact
Status picklist cund 40 @member_status
HasResponded boolean d
{AUDIT}
FirstRespondedDate date n
Name string n 255
FirstName string n 40
LastName string n 80
Email email n 80
CompanyOrAccount string n 255
Type picklist n 40 @member_type
LeadOrContactId ref n >Contact|Lead
LeadOrContactOwnerId ref n >Group|User
"""

GROUP = f"""
Id id dl 18
Name string cu 40
DeveloperName string cun 80
RelatedId ref n >UserRole|User
Type picklist cr 40 @group_type
Email email cun 255
OwnerId ref n >User
DoesSendEmailToMembers boolean cud
DoesIncludeBosses boolean cud
{AUDIT}
"""

PERMISSION_SET = f"""
Id id dl 18
Name string cu 80
Label string cu 80
LicenseId ref cn >User
ProfileId ref n >Profile
IsOwnedByProfile boolean d
IsCustom boolean d
Description string cun 255
{AUDIT}
NamespacePrefix string n 15
HasActivationRequired boolean cud
"""

#: Object, key prefix, plural, flags (c createable, u updateable, d deletable, m mergeable, a activities), fields.
OBJECTS: tuple[tuple[str, str, str, str, str], ...] = (
    ("Account", "001", "Accounts", "cudma", ACCOUNT),
    ("Lead", "00Q", "Leads", "cudma", LEAD),
    ("Contact", "003", "Contacts", "cudma", CONTACT),
    ("Opportunity", "006", "Opportunities", "cuda", OPPORTUNITY),
    ("OpportunityContactRole", "00K", "Opportunity Contact Role", "cud", ROLE),
    ("Task", "00T", "Tasks", "cud", TASK),
    ("Event", "00U", "Events", "cud", EVENT),
    ("User", "005", "Users", "cu", USER),
    ("Campaign", "701", "Campaigns", "cuda", CAMPAIGN),
    ("CampaignMember", "00v", "Campaign Members", "cud", MEMBER),
    ("CampaignMemberStatus", "01Y", "Campaign Member Status", "cud", SMALL["CampaignMemberStatus"]),
    ("Group", "00G", "Groups", "cud", GROUP),
    ("GroupMember", "011", "Group Members", "cd", SMALL["GroupMember"]),
    ("QueueSobject", "03g", "Queue Sobjects", "cd", SMALL["QueueSobject"]),
    ("LeadStatus", "01J", "Lead Status Values", "", SMALL["LeadStatus"]),
    ("TaskStatus", "01K", "Task Status Values", "", SMALL["TaskStatus"]),
    ("TaskPriority", "01L", "Task Priority Values", "", SMALL["TaskPriority"]),
    ("OpportunityStage", "01M", "Opportunity Stages", "", SMALL["OpportunityStage"]),
    ("Organization", "00D", "Organizations", "u", SMALL["Organization"]),
    ("Profile", "00e", "Profiles", "cu", SMALL["Profile"]),
    ("UserRole", "00E", "Roles", "cu", SMALL["UserRole"]),
    ("RecordType", "012", "Record Types", "cu", SMALL["RecordType"]),
    ("AssignmentRule", "01Q", "Assignment Rules", "", SMALL["AssignmentRule"]),
    ("PermissionSet", "0PS", "Permission Sets", "cud", PERMISSION_SET),
    ("PermissionSetAssignment", "0Pa", "Permission Set Assignments", "cd", SMALL["PermissionSetAssignment"]),
    ("FieldPermissions", "01k", "Field Permissions", "cud", SMALL["FieldPermissions"]),
    ("CustomField", "00N", "Custom Fields", "", SMALL["CustomField"]),
    ("ObjectPermissions", "110", "Object Permissions", "cud", SMALL["ObjectPermissions"]),
)
