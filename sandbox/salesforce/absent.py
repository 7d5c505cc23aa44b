"""What the vendor has and this org has not: such requests are answered 501 with the name of what is missing."""

from __future__ import annotations

from sandbox.salesforce.errors import ApiError

#: Standard objects of the vendor that hold nothing here.
OBJECTS = frozenset(
    name.lower()
    for name in (
        "AccountContactRelation AccountHistory AccountShare AccountTeamMember ActivityHistory ApexClass ApexTrigger "
        "Asset Attachment BusinessHours BusinessProcess CampaignShare Case CaseComment CaseHistory CaseShare "
        "CollaborationGroup ConnectedApplication ContactHistory ContactPointEmail ContactShare ContentDocument "
        "ContentDocumentLink ContentVersion Contract CronTrigger Dashboard DatedConversionRate Document Domain "
        "EmailMessage EmailMessageRelation EmailStatus EmailTemplate EntityDefinition EntityParticle EntitySubscription "
        "EventBusSubscriber EventRelation EventWhoRelation FeedComment FeedItem FieldDefinition FieldHistoryArchive "
        "Folder ForecastingItem Holiday Individual LeadHistory LeadShare ListView LoginHistory Name Note OpenActivity "
        "OpportunityContactRoleChangeEvent OpportunityCompetitor OpportunityFieldHistory OpportunityHistory "
        "OpportunityLineItem OpportunityPartner OpportunityShare OpportunityTeamMember Order OrderItem Partner "
        "PermissionSetGroup PermissionSetLicense PermissionSetLicenseAssign Period PlatformEventChannel Pricebook2 "
        "PricebookEntry ProcessInstance ProcessInstanceStep ProcessInstanceWorkitem Product2 PushTopic "
        "QuoteLineItem Quote RecentlyViewed RecordAction Report ServiceContract SetupAuditTrail SetupEntityAccess Solution "
        "StaticResource Task__hd TaskRelation TaskWhoRelation TenantUsageEntitlement Territory2 TopicAssignment "
        "UndecidedEventRelation UserLicense UserLogin UserPreference UserRecordAccess UserTeamMember WorkOrder"
    ).split()
)
#: Resources under ``/services`` of the vendor that are not built, by the beginning of their path behind the version.
RESOURCES = (
    "actions analytics apexrest appMenu apps async async-queries chatter commerce compactLayouts connect consent cometd "
    "data-kit event eclair eventSchema financialservices flow folders graphql iot knowledgeManagement licensing localizedvalue match "
    "metadata nouns parameterizedSearch payments process query/explain quickActions recent scheduling search smartdatadiscovery "
    "support tabs theme ui-api wave"
).split()


def not_built(name: str) -> ApiError:
    """Return the refusal of something the vendor answers and this org does not."""
    words = f"The sandbox does not have this: {name}. Nothing was read or written."
    return ApiError("SANDBOX_NOT_BUILT", words, status=501)


def absent_object(name: str) -> bool:
    """Tell whether the vendor has an object of this name that is not built here."""
    return name.lower() in OBJECTS
