"""The fields of the objects that describe an org: statuses, groups, permissions, and its own record.

The form of a line is that of ``sandbox.salesforce.tables``.
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
    "Organization": "Id id dl 18\nName string u 80\nDefaultLocaleSidKey picklist u 40 @locale\n"
    "TimeZoneSidKey picklist u 40 @time_zone\nLanguageLocaleKey picklist u 40 @locale\nCountry string un 80\n"
    "OrganizationType picklist n 40 @edition\nNamespacePrefix string n 15\nInstanceName string n 5\n"
    "IsSandbox boolean d\nTrialExpirationDate datetime n\nFiscalYearStartMonth int un 9" + AUDIT,
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
