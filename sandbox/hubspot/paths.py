"""The path trees of the API: v3/v4 and the dated ones, brought to one form; and what is not emulated, by name.

"Date-based versioning": the dated trees hold the same operations under other paths (hubspot.md section 1). Where a
family has no dated form, or another one per edition, only that form is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

EDITIONS = r"(2026-03|2026-09)"
#: Dated trees and the v3/v4 paths they stand for; the first that fits is taken. Group 1 is the edition.
DATED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), path)
    for pattern, path in (
        (rf"/crm/objects/{EDITIONS}/([^/]+/[^/]+/associations)(?=/|$)", r"/crm/v4/objects/\2"),
        (rf"/crm/associations/{EDITIONS}(?=/|$)", "/crm/v4/associations"),
        (rf"/crm/objects/{EDITIONS}(?=/|$)", "/crm/v3/objects"),
        (rf"/crm/properties/{EDITIONS}(?=/|$)", "/crm/v3/properties"),
        (rf"/crm/owners/{EDITIONS}(?=/|$)", "/crm/v3/owners"),
        (rf"/crm/pipelines/{EDITIONS}(?=/|$)", "/crm/v3/pipelines"),
        (rf"/crm/lists/{EDITIONS}(?=/|$)", "/crm/v3/lists"),
        (rf"/crm/exports/{EDITIONS}(?=/|$)", "/crm/v3/exports"),
        (rf"/crm/imports/{EDITIONS}(?=/|$)", "/crm/v3/imports"),
        (rf"/events/event-occurrences/{EDITIONS}(?=/|$)", "/events/v3/events"),
        (rf"/events/custom/{EDITIONS}/send(?=/|$)", "/events/v3/send"),
        (r"/events/(2026-03)/send(?=/|$)", "/events/v3/send"),
        (rf"/events/{EDITIONS}/event-definitions(?=/|$)", "/events/v3/event-definitions"),
        (rf"/marketing/emails/{EDITIONS}(?=/|$)", "/marketing/v3/emails"),
        (rf"/marketing/campaigns/{EDITIONS}(?=/|$)", "/marketing/v3/campaigns"),
        (rf"/marketing/marketing-events/{EDITIONS}(?=/|$)", "/marketing/v3/marketing-events"),
        (rf"/marketing/transactional/{EDITIONS}(?=/|$)", "/marketing/v3/transactional"),
        (rf"/account-info/{EDITIONS}(?=/|$)", "/account-info/v3"),
        (rf"/communication-preferences/{EDITIONS}(?=/|$)", "/communication-preferences/v4"),
        (r"/webhooks/(2026-03)(?=/|$)", "/webhooks/v3"),
        (r"/app-webhooks/(2026-09)(?=/|$)", "/webhooks/v3"),
        (rf"/settings/(?:users)/{EDITIONS}(?=/|$)", "/settings/v3/users"),
        (rf"/crm-object-schemas/{EDITIONS}(?=/|$)", "/crm-object-schemas/v3"),
        (r"/oauth/(v3|2026-03|2026-09)/token(?=/|$)", "/oauth/v1/token"),
        # not in the guides, but what tap-hubspot 4.5 reads tickets from
        (r"/crm/(v4)/objects(?=/[^/]+/?$)", "/crm/v3/objects"),
    )
)
OLDER = re.compile(r"/(v[1-4])(?=/|$)")

#: What HubSpot has and the sandbox has not: a pattern for the path in its v3/v4 form, and the name that is answered.
ABSENT: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"/account-info/v3/activity(/.*)?", "account activity logs"),
        (r"/automation/.*", "workflows and automation"),
        (r"/business-units/.*", "business units"),
        (r"/communication-preferences/v4/links/.*", "links to the preferences page"),
        (r"/crm/(v3/imports|imports/.*)(/.*)?", "CRM imports"),
        (r"/crm-object-schemas/.*|/crm/v3/schemas(/.*)?", "custom object schemas"),
        (r"/crm/v4/associations/usage/.*", "association usage reports"),
        (r"/crm/v3/lists/idmapping", "ids of legacy lists"),
        (r"/crm/v3/lists/[^/]+/schedule-conversion", "conversion of lists"),
        (r"/crm/v3/lists/[^/]+/size-and-edits-history/.*", "size history of lists"),
        (r"/crm/v3/exports/export/\d+", "exports by id"),
        (r"/crm/extensions/.*", "CRM extensions: calling, cards, video conferencing"),
        (r"/crm/limits/.*", "limits tracking"),
        (r"/crm/object-library/.*", "object library"),
        (r"/crm/property-validations/.*", "property validation rules"),
        (r"/integrators/timeline/.*", "timeline events of apps"),
        (r"/marketing/v3/campaigns(/.*)?", "marketing campaigns"),
        (r"/marketing/email-campaigns/.*", "e-mail campaigns, dated"),
        (
            r"/marketing/v3/emails/(ab-test(/.*)?|clone|[^/]+/(ab-test|draft|revisions)(/.*)?)",
            "marketing e-mail editing",
        ),
        (r"/marketing/v3/emails/[^/]+/(un)?publish", "sending marketing e-mail"),
        (r"/marketing/v3/marketing-events(/.*)?", "marketing events"),
        (r"/marketing/v3/transactional/.*", "transactional e-mail"),
        (r"/marketing/lead-scoring/.*", "lead scoring (beta)"),
        (r"/meta/.*", "network origins"),
        (r"/scheduler/.*", "meetings scheduler"),
        (r"/settings/.*", "account settings: users, teams, currencies"),
        (r"/webhooks-journal/.*", "webhooks journal"),
        (r"/cms/.*|/content/.*|/hubdb/.*|/blogs/.*", "content management"),
        (r"/conversations/.*", "conversations"),
        (r"/files/.*|/filemanager/.*", "files"),
        (r"/contacts/v1/.*|/companies/v2/.*|/deals/v1/.*|/engagements/v1/.*", "v1 and v2 CRM"),
        (r"/properties/v[12]/.*|/owners/v2(/.*)?|/crm-pipelines/v1/.*", "v1 and v2 CRM"),
        (r"/crm/v3/objects/[^/]+/splits(/.*)?|/crm/objects/splits/.*", "deal splits"),
        (r"/crm/v3/associations/.*", "associations v3"),
        (r"/crm/v3/extensions/.*", "CRM extensions: calling, cards, video conferencing"),
        (r"/crm/v3/limits/.*", "limits tracking"),
        (r"/crm/v3/timeline/.*", "timeline events of apps"),
        (r"/crm/v3/property-validations/.*", "property validation rules"),
        (r"/crm/v3/object-library/.*", "object library"),
        (r"/email/public/v1/subscriptions(/[^/]+)?", "e-mail subscriptions v1"),
        (r"/forms/v2/.*|/formcontacts/.*", "forms v2"),
        (r"/marketing-emails/.*|/email/public/v1/(smtpapi|singleEmail).*", "marketing e-mail v1"),
        (r"/marketing/v4/.*", "sending single e-mails"),
        (r"/analytics/.*|/reports/.*|/events/v2/.*", "analytics reports and events v2"),
        (r"/calendar/.*|/broadcast/.*|/social/.*", "calendar and social media"),
        (r"/integrations/v1/.*|/account-info/v3/api-usage/daily", "account and usage v1"),
        (r"/webhooks/v4/.*", "webhooks journal"),
        (r"/(crm-associations|crm-objects|extensions|tickets|products|line_items|lists)/.*", "v1 and v2 CRM"),
        (
            r"/(visitor-identification|media-bridge|feature-flags|tax-rates|developer|url-redirects)/.*",
            "other products",
        ),
        (r"/(url-redirects|ecommerce|invoice|comments|keywords|cosemail|publishing)/.*", "other products"),
        (r"/(?:[\w-]+/)+(2025-09|20\d\d-\d\d-beta)(/.*)?", "path trees other than 2026-03 and 2026-09"),
    )
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes."""

    #: The path in its v3/v4 form.
    path: str
    #: ``v1`` to ``v4``, or the edition of the dated tree.
    edition: str


def place(path: str) -> Place:
    """Return the v3/v4 form of a path, and which edition it was asked in."""
    for pattern, plain in DATED:
        found = pattern.match(path)
        if found is not None:
            return Place(found.expand(plain) + path[found.end() :], found[1])
    found = OLDER.search(path)
    return Place(path, found[1] if found else "v3")


def absent(path: str) -> str | None:
    """Return the name of what lies at a path of the v3/v4 form and is not emulated; None for what HubSpot has not."""
    bare = path.rstrip("/")
    return next((name for pattern, name in ABSENT if pattern.fullmatch(bare)), None)
