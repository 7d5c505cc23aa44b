"""Who a token belongs to, in the forms of the identity address, of userinfo and of SOAP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.objects.values import stamp_text
from sandbox.salesforce.rows.view import full_name

if TYPE_CHECKING:
    from sandbox.core.http import Request
    from sandbox.core.records import Record
    from sandbox.salesforce.state import OrgState

PATHS = {
    "enterprise": "/services/Soap/c/{version}/",
    "metadata": "/services/Soap/m/{version}/",
    "partner": "/services/Soap/u/{version}/",
    "rest": "/services/data/v{version}/",
    "sobjects": "/services/data/v{version}/sobjects/",
    "search": "/services/data/v{version}/search/",
    "query": "/services/data/v{version}/query/",
    "recent": "/services/data/v{version}/recent/",
    "tooling_rest": "/services/data/v{version}/tooling/",
    "tooling_soap": "/services/Soap/T/{version}/",
}


def base_of(request: Request) -> str:
    """Return the address under which the client reached the org."""
    return f"http{'s' if request.secure else ''}://{request.headers.get('host', '127.0.0.1')}"


def org_id(state: OrgState) -> str:
    return str(state.records.kept("org_id"))


def _urls(base: str, org: str, user: str) -> dict[str, str]:
    soap = {name: f"{base}{path}{org[:15] if 'Soap' in path else ''}" for name, path in PATHS.items()}
    return {**soap, "profile": f"{base}/{user}", "custom_domain": base}


def identity(state: OrgState, user: Record, base: str) -> dict[str, Any]:
    """Return the answer of the identity address."""
    org = org_id(state)
    address = f"{base}/id/{org}/{user.id}"
    return {
        "id": address,
        "asserted_user": True,
        "user_id": user.id,
        "organization_id": org,
        "username": user.get("Username"),
        "nick_name": user.get("Alias"),
        "display_name": full_name(user),
        "email": user.get("Email"),
        "email_verified": True,
        "first_name": user.get("FirstName"),
        "last_name": user.get("LastName"),
        "timezone": user.get("TimeZoneSidKey"),
        "photos": {"picture": f"{base}/profilephoto/005/F", "thumbnail": f"{base}/profilephoto/005/T"},
        "addr_street": None,
        "addr_city": None,
        "addr_state": None,
        "addr_country": None,
        "addr_zip": None,
        "mobile_phone": user.get("MobilePhone"),
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": _urls(base, org, user.id),
        "active": user.get("IsActive", False),
        "user_type": "STANDARD",
        "language": user.get("LanguageLocaleKey"),
        "locale": user.get("LocaleSidKey"),
        "utcOffset": 0,
        "last_modified_date": stamp_text(user.modified_at),
        "is_app_installed": True,
    }


def userinfo(state: OrgState, user: Record, base: str) -> dict[str, Any]:
    """Return the answer of ``/services/oauth2/userinfo``."""
    known = identity(state, user, base)
    return {
        "sub": known["id"],
        "user_id": user.id,
        "organization_id": known["organization_id"],
        "preferred_username": known["username"],
        "nickname": known["nick_name"],
        "name": known["display_name"],
        "email": known["email"],
        "email_verified": True,
        "given_name": known["first_name"],
        "family_name": known["last_name"],
        "zoneinfo": known["timezone"],
        "photos": known["photos"],
        "profile": known["urls"]["profile"],
        "picture": known["photos"]["picture"],
        "address": {},
        "urls": known["urls"],
        "active": known["active"],
        "user_type": known["user_type"],
        "language": known["language"],
        "locale": known["locale"],
        "utcOffset": known["utcOffset"],
        "updated_at": known["last_modified_date"],
        "is_app_installed": True,
    }


def soap_user_info(state: OrgState, user: Record) -> dict[str, Any]:
    """Return the user as SOAP shows it at sign-in and on request."""
    org = state.row(org_id(state))
    return {
        "accessibilityMode": False,
        "chatterExternal": False,
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": 5_242_880,
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDefaultCurrencyLocale": "en_US",
        "orgDisallowHtmlAttachments": False,
        "orgHasPersonAccounts": False,
        "organizationId": org_id(state),
        "organizationMultiCurrency": False,
        "organizationName": None if org is None else org.get("Name"),
        "profileId": user.get("ProfileId"),
        "roleId": user.get("UserRoleId"),
        "sessionSecondsValid": 7200,
        "userDefaultCurrencyIsoCode": None,
        "userEmail": user.get("Email"),
        "userFullName": full_name(user),
        "userId": user.id,
        "userLanguage": user.get("LanguageLocaleKey"),
        "userLocale": user.get("LocaleSidKey"),
        "userName": user.get("Username"),
        "userTimeZone": user.get("TimeZoneSidKey"),
        "userType": "Standard",
        "userUiSkin": "Theme3",
    }
