"""Picklist values of a fresh org; a star marks the default."""

from __future__ import annotations

_LINES = {
    "account_type": "Prospect|Customer - Direct|Customer - Channel|Channel Partner / Reseller|Installation Partner"
    "|Technology Partner|Other",
    "industry": "Agriculture|Apparel|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|Education"
    "|Electronics|Energy|Engineering|Entertainment|Environmental|Finance|Food & Beverage|Government|Healthcare"
    "|Hospitality|Insurance|Machinery|Manufacturing|Media|Not For Profit|Recreation|Retail|Shipping|Technology"
    "|Telecommunications|Transportation|Utilities|Other",
    "ownership": "Public|Private|Subsidiary|Other",
    "rating": "Hot|Warm|Cold",
    "geocode": "Address|NearAddress|Block|Street|ExtendedZip|Zip|Neighborhood|City|County|State|Unknown",
    "clean": "Matched|Different|Acknowledged|NotFound|Inactive|Pending|SelectMatch|Skipped",
    "account_source": "Web|Phone Inquiry|Partner Referral|Purchased List|Other",
    "lead_source": "Web|Phone Inquiry|Partner Referral|Purchased List|Tradeshow|Other",
    "salutation_lead": "Mr.|Ms.|Mrs.|Dr.|Prof.|Mx.",
    "salutation": "Mr.|Ms.|Mrs.|Dr.|Prof.",
    "lead_status": "Open - Not Contacted*|Working - Contacted|Closed - Converted|Closed - Not Converted",
    "stage": "Prospecting|Qualification|Needs Analysis|Value Proposition|Id. Decision Makers|Perception Analysis"
    "|Proposal/Price Quote|Negotiation/Review|Closed Won|Closed Lost",
    "opportunity_type": "Existing Customer - Upgrade|Existing Customer - Replacement|Existing Customer - Downgrade"
    "|New Customer",
    "forecast": "Omitted|Pipeline|BestCase|MostLikely|Forecast|Closed",
    "forecast_name": "Omitted|Pipeline|Best Case|Commit|Closed",
    "contact_role": "Business User|Decision Maker|Economic Buyer|Economic Decision Maker|Evaluator|Executive Sponsor"
    "|Influencer|Technical Buyer|Other",
    "subject": "Call|Email|Meeting|Send Letter/Quote|Other",
    "task_status": "Not Started*|In Progress|Completed|Waiting on someone else|Deferred",
    "priority": "High|Normal*|Low",
    "call_type": "Internal|Inbound|Outbound",
    "task_subtype": "Task*|Email|ListEmail|Cadence|Call|LinkedIn",
    "event_subtype": "Event*",
    "show_as": "Busy*|OutOfOffice|Free",
    "group_event": "0*|1|2|3",
    "time_zone": "UTC*|Europe/Berlin|Europe/London|Europe/Paris|America/New_York|America/Los_Angeles|Asia/Tokyo",
    "locale": "en_US*|en_GB|de|fr|ja",
    "encoding": "UTF-8*|ISO-8859-1",
    "user_type": "Standard*|PowerPartner|Guest",
    "campaign_type": "Conference|Webinar|Trade Show|Public Relations|Partners|Referral Program|Advertisement"
    "|Banner Ads|Direct Mail|Email|Telemarketing|Other",
    "campaign_status": "Planned*|In Progress|Completed|Aborted",
    "member_status": "Sent*|Responded",
    "member_type": "Lead|Contact",
    "group_type": "Regular|Role|RoleAndSubordinates|Organization|Queue|Manager|AllCustomerPortal",
    "sobjects": "Account|Campaign|CampaignMember|Contact|Event|Lead|Opportunity|OpportunityContactRole|Task|User",
    "edition": "Developer Edition*|Enterprise Edition|Unlimited Edition",
}

#: Values per list, in order.
PICKLISTS: dict[str, tuple[str, ...]] = {
    name: tuple(value.removesuffix("*") for value in line.split("|")) for name, line in _LINES.items()
}
#: The default of each list that has one.
PICKLIST_DEFAULTS: dict[str, str] = {
    name: value.removesuffix("*") for name, line in _LINES.items() for value in line.split("|") if value.endswith("*")
}
CLOSED_TASK_STATUS = "Completed"
CONVERTED_STATUS = "Closed - Converted"
#: Stage: probability in percent, forecast category name.
STAGES: dict[str, tuple[int, str]] = {
    "Prospecting": (10, "Pipeline"),
    "Qualification": (10, "Pipeline"),
    "Needs Analysis": (20, "Pipeline"),
    "Value Proposition": (50, "Pipeline"),
    "Id. Decision Makers": (60, "Pipeline"),
    "Perception Analysis": (70, "Pipeline"),
    "Proposal/Price Quote": (75, "Pipeline"),
    "Negotiation/Review": (90, "Pipeline"),
    "Closed Won": (100, "Closed"),
    "Closed Lost": (0, "Omitted"),
}
