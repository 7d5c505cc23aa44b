"""The fields of the objects that describe an org: statuses, groups, permissions, and its own record.

The form of a line is that of ``sandbox.salesforce.objects.tables``.
"""

from __future__ import annotations

AUDIT = """
CreatedDate datetime d
CreatedById ref d >User
LastModifiedDate datetime d
LastModifiedById ref d >User
SystemModstamp datetime d
"""

STATUS_HEAD = """
Id id dl 18
MasterLabel string n 255
ApiName string - 255
SortOrder int n 9
IsDefault boolean d
"""

_ORG_TEXTS = "".join(
    f"{name} string n {length}\n"
    for name, length in (("Phone", 40), ("Fax", 40), ("PrimaryContact", 80), ("Division", 80), ("Street", 255))
)
_ORG_ACCESS = "".join(
    f"Default{name}Access picklist n 40\n"
    for name in ("Account", "Contact", "Opportunity", "Lead", "Case", "Calendar", "Pricebook", "Campaign")
)
_ORG_CHOICES = "".join(
    f"{name} boolean d\n"
    for name in (
        *("ReceivesInfoEmails", "ReceivesAdminInfoEmails", "UsesStartDateAsFiscalYearName", "IsSandbox", "IsReadOnly"),
        *("PreferencesRequireOpportunityProducts", "PreferencesConsentManagementEnabled"),
        *("PreferencesAutoSelectIndividualOnMerge", "PreferencesLightningLoginEnabled"),
        *("PreferencesOnlyLLPermUserAllowed", "PreferencesIndividualAutoCreateEnabled"),
    )
)
ORGANIZATION = (
    "Id id dl 18\nName string u 80\nCity string n 40\nState string n 80\nPostalCode string n 20\n"
    "Country string un 80\nLatitude double n 18,15\nLongitude double n 18,15\nGeocodeAccuracy picklist n 40 @geocode\n"
    "Address address n\n" + _ORG_TEXTS + "DefaultLocaleSidKey picklist u 40 @locale\n"
    "TimeZoneSidKey picklist u 40 @time_zone\nLanguageLocaleKey picklist u 40 @locale\n"
    + _ORG_CHOICES
    + _ORG_ACCESS
    + "FiscalYearStartMonth int un 9\nComplianceBccEmail email n 80\n"
    "UiSkin picklist n 40\nSignupCountryIsoCode string n 2\nTrialExpirationDate datetime n\n"
    "NumKnowledgeService int n 9\nOrganizationType picklist n 40 @edition\nNamespacePrefix string n 15\n"
    "InstanceName string n 5\nWebToCaseDefaultOrigin string n 40\nMonthlyPageViewsUsed int n 9\n"
    "MonthlyPageViewsEntitlement int n 9" + AUDIT
)

SMALL = {
    "GroupMember": "Id id dl 18\nGroupId ref c >Group\nUserOrGroupId ref c >Group|User\nSystemModstamp datetime d",
    "QueueSobject": "Id id dl 18\nQueueId ref c >Group\nSobjectType picklist c 40 @sobjects\n"
    "CreatedById ref d >User\nSystemModstamp datetime d",
    "LeadStatus": STATUS_HEAD + "IsConverted boolean d" + AUDIT,
    "TaskStatus": STATUS_HEAD + "IsClosed boolean d" + AUDIT,
    "TaskPriority": STATUS_HEAD + "IsHighPriority boolean d" + AUDIT,
    "OpportunityStage": STATUS_HEAD.replace("IsDefault boolean d\n", "")
    + "IsActive boolean d\nIsClosed boolean d\nIsWon boolean d\n"
    "ForecastCategoryName picklist n 40 @forecast_name\nDefaultProbability percent n 3,0" + AUDIT,
    "Organization": ORGANIZATION,
    "Profile": "Id id dl 18\nName string cu 255\nUserType picklist n 40 @user_type\nDescription string cun 255" + AUDIT,
    "UserRole": "Id id dl 18\nName string cu 80\nDeveloperName string cun 80\nParentRoleId ref cun >UserRole" + AUDIT,
    "RecordType": "Id id dl 18\nName string cu 80\nDeveloperName string cu 80\nSobjectType picklist c 40 @sobjects\n"
    "IsActive boolean cud =true" + AUDIT,
    "AssignmentRule": "Id id dl 18\nName string n 120\nSobjectType picklist n 40 @sobjects\nActive boolean d" + AUDIT,
    "CampaignMemberStatus": "Id id dl 18\nIsDeleted boolean d\nCampaignId ref c >Campaign\nLabel string cu 255\n"
    "SortOrder int cun 9\nIsDefault boolean cud\nHasResponded boolean cud" + AUDIT,
    "PermissionSetAssignment": "Id id dl 18\nPermissionSetId ref cn >PermissionSet\nAssigneeId ref c >User\n"
    "SystemModstamp datetime d",
    "CustomField": "Id id dl 18\nDeveloperName string - 40\nTableEnumOrId picklist - 40 @sobjects\n"
    "FullName string - 255\nManageableState string n 40\nNamespacePrefix string n 15" + AUDIT,
    "FieldPermissions": "Id id dl 18\nParentId ref c >PermissionSet\nSobjectType picklist c 40 @sobjects\n"
    "Field picklist c 255\nPermissionsEdit boolean cud\nPermissionsRead boolean cud\nSystemModstamp datetime d",
    "ObjectPermissions": "Id id dl 18\nParentId ref c >PermissionSet\nSobjectType picklist c 40 @sobjects\n"
    "PermissionsCreate boolean cud\nPermissionsRead boolean cud\nPermissionsEdit boolean cud\n"
    "PermissionsDelete boolean cud\nPermissionsViewAllRecords boolean cud\n"
    "PermissionsModifyAllRecords boolean cud" + AUDIT,
}
