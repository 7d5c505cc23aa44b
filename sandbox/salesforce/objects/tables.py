"""The standard fields of the org, one line each.

``Name type flags detail``. Flags: c createable, u updateable, n nillable, d defaulted on create, r restricted picklist,
l usable as look-up key, x neither filterable nor sortable, ``-`` none. Detail: a length, ``precision,scale``, digits,
``>Object|Object`` for references, ``@list`` for picklists, ``=value`` for the default.
"""

from __future__ import annotations

from sandbox.salesforce.objects.activity_tables import EVENT, TASK
from sandbox.salesforce.objects.history_tables import HISTORY_OBJECTS
from sandbox.salesforce.objects.setup_tables import AUDIT, SMALL

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
{prefix}Latitude double cun 18,15
{prefix}Longitude double cun 18,15
{prefix}GeocodeAccuracy picklist cunr 40 @geocode
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
Sic string cun 20
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
Jigsaw string cun 20
JigsawCompanyId string n 20
CleanStatus picklist cunr 40 @clean
AccountSource picklist cun 40 @account_source
DunsNumber string cun 9
Tradestyle string cun 255
NaicsCode string cun 8
NaicsDesc string cun 120
YearStarted string cun 4
SicDesc string cun 80
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
Jigsaw string cun 20
JigsawContactId string n 20
CleanStatus picklist cunr 40 @clean
CompanyDunsNumber string cun 9
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
LastCURequestDate datetime n
LastCUUpdateDate datetime n
{VIEWED}
EmailBouncedReason string cun 255
EmailBouncedDate datetime cun
IsEmailBounced boolean d
PhotoUrl url n 255
Jigsaw string cun 20
JigsawContactId string n 20
CleanStatus picklist cunr 40 @clean
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
HasOpenActivity boolean dx
HasOverdueTask boolean dx
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
NumberOfLeads int - 8
NumberOfConvertedLeads int - 8
NumberOfContacts int - 8
NumberOfResponses int - 8
NumberOfOpportunities int - 8
NumberOfWonOpportunities int - 8
AmountAllOpportunities currency - 18,0
AmountWonOpportunities currency - 18,0
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
Salutation picklist n 40 @salutation
Name string n 255
FirstName string n 40
LastName string n 80
Title string n 128
Street textarea n 255
City string n 40
State string n 80
PostalCode string n 20
Country string n 80
Email email n 80
Phone phone n 40
Fax phone n 40
MobilePhone phone n 40
Description textarea nx 32000
DoNotCall boolean d
HasOptedOutOfEmail boolean d
LeadSource picklist n 40 @lead_source
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
    ("UserRole", "00E", "Role", "cud", SMALL["UserRole"]),
    ("RecordType", "012", "Record Types", "cu", SMALL["RecordType"]),
    ("AssignmentRule", "01Q", "Assignment Rules", "", SMALL["AssignmentRule"]),
    ("PermissionSet", "0PS", "Permission Sets", "cud", PERMISSION_SET),
    ("PermissionSetAssignment", "0Pa", "Permission Set Assignments", "cd", SMALL["PermissionSetAssignment"]),
    ("FieldPermissions", "01k", "Field Permissions", "cud", SMALL["FieldPermissions"]),
    ("CustomField", "00N", "Custom Fields", "", SMALL["CustomField"]),
    ("ObjectPermissions", "110", "Object Permissions", "cud", SMALL["ObjectPermissions"]),
    *HISTORY_OBJECTS,
)
