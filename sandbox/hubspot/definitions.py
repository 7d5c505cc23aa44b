"""The properties, groups and pipelines a fresh account has.

A selection of HubSpot's own properties, with their types as a real account lists them. One line is
``name, label, type, fieldType, group``, then ``ro`` (the API cannot write it) and options where it has some.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

LIFECYCLE = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist",
    "other",
)  # fmt: skip
SOURCES = (
    "ORGANIC_SEARCH PAID_SEARCH EMAIL_MARKETING SOCIAL_MEDIA REFERRALS OTHER_CAMPAIGNS "
    "DIRECT_TRAFFIC OFFLINE PAID_SOCIAL"
)
LEAD_STATUS = "NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING"
INDUSTRIES = (
    "COMPUTER_SOFTWARE FINANCIAL_SERVICES BANKING MACHINERY HOSPITAL_HEALTH_CARE RETAIL MANAGEMENT_CONSULTING "
    "TRANSPORTATION_TRUCKING_RAILROAD EDUCATION_MANAGEMENT OIL_ENERGY MEDIA_PRODUCTION TELECOMMUNICATIONS INTERNET "
    "INSURANCE"
)
DISPOSITIONS = (
    "f240bbac-87c9-4f6e-bf70-924b57d47db7 9d9162e7-6cf3-4944-bf63-4dff82258764 a4c4c377-d246-4b32-a13b-75a56a4cd0ff "
    "b2cf5968-551e-4856-9783-52b3da59a7d0 73a0d17f-1163-4015-bdd5-ec830791da20 17b47fee-58de-441e-a44c-c6300d46f273"
)
CONTACTS = f"""
email|Email|string|text|contactinformation
firstname|First Name|string|text|contactinformation
lastname|Last Name|string|text|contactinformation
salutation|Salutation|string|text|contactinformation
jobtitle|Job Title|string|text|contactinformation
company|Company Name|string|text|contactinformation
website|Website URL|string|text|contactinformation
phone|Phone Number|string|phonenumber|contactinformation
mobilephone|Mobile Phone Number|string|phonenumber|contactinformation
fax|Fax Number|string|phonenumber|contactinformation
address|Street Address|string|text|contactinformation
city|City|string|text|contactinformation
state|State/Region|string|text|contactinformation
zip|Postal Code|string|text|contactinformation
country|Country/Region|string|text|contactinformation
industry|Industry|string|text|contactinformation
numemployees|Number of Employees|enumeration|select|contactinformation||1-5 5-25 25-50 50-100 100-500 500-1000 1000+
annualrevenue|Annual Revenue|string|text|contactinformation
seniority|Seniority|string|text|contactinformation
message|Message|string|textarea|contact_activity
lifecyclestage|Lifecycle Stage|enumeration|radio|contactinformation||{" ".join(LIFECYCLE)}
hs_lead_status|Lead Status|enumeration|radio|sales_properties||{LEAD_STATUS}
hubspot_owner_id|Contact owner|enumeration|select|sales_properties|owner
hubspot_owner_assigneddate|Owner Assigned Date|datetime|date|sales_properties|ro
hubspotscore|HubSpot Score|number|calculation_score|sales_properties|ro
hs_analytics_source|Original Traffic Source|enumeration|select|analyticsinformation||{SOURCES}
hs_latest_source|Latest Traffic Source|enumeration|select|analyticsinformation|ro|{SOURCES}
hs_analytics_num_page_views|Number of Pageviews|number|number|analyticsinformation|ro
hs_analytics_first_timestamp|Time First Seen|datetime|date|analyticsinformation|ro
hs_analytics_last_timestamp|Time Last Seen|datetime|date|analyticsinformation|ro
hs_analytics_last_url|Last Page Seen|string|text|analyticsinformation|ro
hs_email_delivered|Marketing emails delivered|number|number|emailinformation|ro
hs_email_open|Marketing emails opened|number|number|emailinformation|ro
hs_email_click|Marketing emails clicked|number|number|emailinformation|ro
hs_email_bounce|Marketing emails bounced|number|number|emailinformation|ro
hs_email_replied|Marketing emails replied|number|number|emailinformation|ro
hs_email_last_send_date|Last marketing email send date|datetime|date|emailinformation|ro
hs_email_last_open_date|Last marketing email open date|datetime|date|emailinformation|ro
hs_email_last_click_date|Last marketing email click date|datetime|date|emailinformation|ro
hs_email_optout|Unsubscribed from all email|bool|booleancheckbox|emailinformation|ro|true false
hs_email_optout_1001|Opted out of email: Marketing Information|bool|booleancheckbox|emailinformation|ro|true false
hs_email_optout_1002|Opted out of email: One to One|bool|booleancheckbox|emailinformation|ro|true false
hs_email_bad_address|Invalid email address|bool|booleancheckbox|emailinformation|ro|true false
hs_email_domain|Email Domain|string|text|contactinformation|ro
num_conversion_events|Number of Form Submissions|number|number|conversioninformation|ro
num_unique_conversion_events|Number of Unique Forms Submitted|number|number|conversioninformation|ro
first_conversion_date|First Conversion Date|datetime|date|conversioninformation|ro
recent_conversion_date|Recent Conversion Date|datetime|date|conversioninformation|ro
recent_conversion_event_name|Recent Conversion|string|text|conversioninformation|ro
notes_last_contacted|Last Contacted|datetime|date|contact_activity|ro
hs_sales_email_last_replied|Recent Sales Email Replied Date|datetime|date|contact_activity|ro
hs_marketable_status|Marketing contact status|enumeration|booleancheckbox|contactinformation|ro|true false
hs_language|Preferred language|enumeration|select|contactinformation||en de fr es sv pl ja zh uk ar hi
hs_additional_emails|Additional email addresses|enumeration|checkbox|contactinformation|ro
hs_merged_object_ids|Merged record IDs|enumeration|checkbox|contactinformation|ro
hs_calculated_merged_vids|Merged vids with timestamps|enumeration|select|contactinformation|ro
associatedcompanyid|Primary Associated Company ID|number|number|contactinformation|hidden
createdate|Create Date|datetime|date|contactinformation|ro
lastmodifieddate|Last Modified Date|datetime|date|contactinformation|ro
hs_object_id|Record ID|number|number|contactinformation|ro
budget_range|Budget range|string|text|contactinformation|custom
"""
COMPANIES = f"""
name|Company name|string|text|companyinformation
domain|Company Domain Name|string|text|companyinformation
hs_additional_domains|Additional Domains|enumeration|checkbox|companyinformation
website|Website URL|string|text|companyinformation
industry|Industry|enumeration|select|companyinformation||{INDUSTRIES}
numberofemployees|Number of Employees|number|number|companyinformation
annualrevenue|Annual Revenue|number|number|companyinformation
address|Street Address|string|text|companyinformation
city|City|string|text|companyinformation
state|State/Region|string|text|companyinformation
zip|Postal Code|string|text|companyinformation
country|Country/Region|string|text|companyinformation
phone|Phone Number|string|phonenumber|companyinformation
description|Description|string|textarea|companyinformation
type|Type|enumeration|select|companyinformation||PROSPECT PARTNER RESELLER VENDOR OTHER
lifecyclestage|Lifecycle Stage|enumeration|radio|companyinformation||{" ".join(LIFECYCLE)}
hs_lead_status|Lead Status|enumeration|radio|companyinformation||{LEAD_STATUS}
hubspot_owner_id|Company owner|enumeration|select|companyinformation|owner
hs_parent_company_id|Parent Company|number|number|companyinformation|ro
hs_merged_object_ids|Merged record IDs|enumeration|checkbox|companyinformation|ro
createdate|Create Date|datetime|date|companyinformation|ro
hs_lastmodifieddate|Last Modified Date|datetime|date|companyinformation|ro
hs_object_id|Record ID|number|number|companyinformation|ro
"""
DEALS = """
dealname|Deal Name|string|text|dealinformation
pipeline|Pipeline|enumeration|select|dealinformation|pipeline
dealstage|Deal Stage|enumeration|radio|dealinformation|stage
amount|Amount|number|number|dealinformation
closedate|Close Date|datetime|date|dealinformation
dealtype|Deal Type|enumeration|radio|dealinformation||newbusiness existingbusiness
description|Deal Description|string|textarea|dealinformation
hubspot_owner_id|Deal owner|enumeration|select|dealinformation|owner
hs_is_closed|Is Deal Closed?|bool|booleancheckbox|dealinformation|ro|true false
hs_is_closed_won|Is Closed Won|bool|booleancheckbox|dealinformation|ro|true false
hs_deal_stage_probability|Deal probability|number|number|dealinformation|ro
hs_merged_object_ids|Merged record IDs|enumeration|checkbox|dealinformation|ro
createdate|Create Date|datetime|date|dealinformation|ro
hs_lastmodifieddate|Last Modified Date|datetime|date|dealinformation|ro
hs_object_id|Record ID|number|number|dealinformation|ro
"""
TICKETS = """
subject|Ticket name|string|text|ticketinformation
content|Ticket description|string|textarea|ticketinformation
hs_pipeline|Pipeline|enumeration|select|ticketinformation|pipeline
hs_pipeline_stage|Ticket status|enumeration|select|ticketinformation|stage
hs_ticket_priority|Priority|enumeration|select|ticketinformation||LOW MEDIUM HIGH URGENT
hs_ticket_category|Category|enumeration|checkbox|ticketinformation||PRODUCT_ISSUE BILLING_ISSUE FEATURE_REQUEST \
GENERAL_INQUIRY
source_type|Source|enumeration|select|ticketinformation||CHAT EMAIL FORM PHONE
hubspot_owner_id|Ticket owner|enumeration|select|ticketinformation|owner
hs_is_closed|Is closed|bool|booleancheckbox|ticketinformation|ro|true false
hs_merged_object_ids|Merged record IDs|enumeration|checkbox|ticketinformation|ro
createdate|Create date|datetime|date|ticketinformation|ro
hs_lastmodifieddate|Last modified date|datetime|date|ticketinformation|ro
hs_object_id|Record ID|number|number|ticketinformation|ro
"""
ENGAGEMENT = """
hs_timestamp|Activity date|datetime|date|engagement
hubspot_owner_id|Activity assigned to|enumeration|select|engagement|owner
hs_attachment_ids|Attached file IDs|enumeration|checkbox|engagement
hs_createdate|Create date|datetime|date|engagement|ro
hs_lastmodifieddate|Last modified date|datetime|date|engagement|ro
hs_object_id|Record ID|number|number|engagement|ro
"""
TASKS = """
hs_task_subject|Task Title|string|text|task
hs_task_body|Notes|string|html|task
hs_task_status|Task Status|enumeration|select|task||NOT_STARTED IN_PROGRESS WAITING DEFERRED COMPLETED
hs_task_priority|Priority|enumeration|select|task||NONE LOW MEDIUM HIGH
hs_task_type|Task Type|enumeration|select|task||EMAIL CALL TODO
hs_task_reminders|Reminders|string|text|task
hs_task_completion_date|Completed at|datetime|date|task|ro
"""
NOTES = "hs_note_body|Note body|string|html|note"
CALLS = f"""
hs_call_title|Call Title|string|text|call
hs_call_body|Call notes|string|html|call
hs_call_direction|Call direction|enumeration|select|call||INBOUND OUTBOUND
hs_call_duration|Call duration|number|number|call
hs_call_status|Call status|enumeration|select|call||BUSY CALLING_CRM_USER CANCELED COMPLETED CONNECTING FAILED \
IN_PROGRESS NO_ANSWER QUEUED RINGING
hs_call_disposition|Call outcome|enumeration|select|call||{DISPOSITIONS}
hs_call_from_number|From number|string|text|call
hs_call_to_number|To number|string|text|call
"""
MEETINGS = """
hs_meeting_title|Meeting name|string|text|meeting
hs_meeting_body|Meeting description|string|html|meeting
hs_internal_meeting_notes|Internal notes|string|html|meeting
hs_meeting_location|Location|string|text|meeting
hs_meeting_start_time|Start time|datetime|date|meeting
hs_meeting_end_time|End time|datetime|date|meeting
hs_meeting_outcome|Meeting outcome|enumeration|select|meeting||SCHEDULED COMPLETED RESCHEDULED NO_SHOW CANCELED
"""
EMAILS = """
hs_email_direction|Email direction|enumeration|select|email||EMAIL INCOMING_EMAIL FORWARDED_EMAIL
hs_email_status|Email send status|enumeration|select|email||BOUNCED FAILED SCHEDULED SENDING SENT
hs_email_subject|Email subject|string|text|email
hs_email_text|Text body|string|textarea|email
hs_email_html|Body|string|html|email
hs_email_headers|Headers|string|textarea|email
"""
COMMUNICATIONS = """
hs_communication_channel_type|Channel type|enumeration|select|communication||WHATS_APP LINKEDIN_MESSAGE SMS
hs_communication_logged_from|Logged from|enumeration|select|communication||CRM
hs_communication_body|Body|string|html|communication
"""
TEXTS: dict[str, str] = {
    "contacts": CONTACTS,
    "companies": COMPANIES,
    "deals": DEALS,
    "tickets": TICKETS,
    "tasks": ENGAGEMENT + TASKS,
    "notes": ENGAGEMENT + NOTES,
    "calls": ENGAGEMENT + CALLS,
    "meetings": ENGAGEMENT + MEETINGS,
    "emails": ENGAGEMENT + EMAILS,
    "communications": ENGAGEMENT + COMMUNICATIONS,
}
GROUP_LABELS = {
    "contactinformation": "Contact information", "sales_properties": "Sales properties",
    "analyticsinformation": "Web analytics history", "emailinformation": "Email information",
    "conversioninformation": "Conversion information", "contact_activity": "Contact activity",
    "companyinformation": "Company information", "dealinformation": "Deal information",
    "ticketinformation": "Ticket information",
}  # fmt: skip
#: id, label, probability; closed ones last.
DEAL_STAGES: tuple[tuple[str, str, str], ...] = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
#: id, label, state.
TICKET_STAGES: tuple[tuple[str, str, str], ...] = (
    ("1", "New", "OPEN"),
    ("2", "Waiting on contact", "OPEN"),
    ("3", "Waiting on us", "OPEN"),
    ("4", "Closed", "CLOSED"),
)
#: Object type -> (id, label, (stage id, stage label, metadata) ...) of the pipeline a fresh account has.
PIPELINES: dict[str, tuple[str, str, tuple[tuple[str, str, dict[str, str]], ...]]] = {
    "deals": (
        "default",
        "Sales Pipeline",
        tuple(
            (stage, label, {"isClosed": str(stage.startswith("closed")).lower(), "probability": probability})
            for stage, label, probability in DEAL_STAGES
        ),
    ),
    "tickets": (
        "0",
        "Support Pipeline",
        tuple(
            (stage, label, {"isClosed": str(state == "CLOSED").lower(), "ticketState": state})
            for stage, label, state in TICKET_STAGES
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Definition:
    """One property as a fresh account defines it."""

    name: str
    label: str
    type: str
    field_type: str
    group: str
    read_only: bool
    flag: str  # "", owner, stage, pipeline, hidden, custom
    options: tuple[str, ...]


@cache
def definitions(object_name: str) -> tuple[Definition, ...]:
    """Return the properties of one object type."""
    found = []
    for line in filter(None, TEXTS[object_name].splitlines()):
        name, label, kind, field_type, group, *rest = line.split("|")
        flag = rest[0] if rest else ""
        options = tuple(rest[1].split()) if len(rest) > 1 else ()
        if flag == "stage":
            options = tuple(stage for stage, _, _ in PIPELINES[object_name][2])
        elif flag == "pipeline":
            options = (PIPELINES[object_name][0],)
        found.append(
            Definition(name, label, kind, field_type, group, flag == "ro", "" if flag == "ro" else flag, options)
        )
    return tuple(found)
