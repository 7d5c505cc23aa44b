"""What the vendor has and this org has not: such requests are answered 501 with the name of what is missing."""

from __future__ import annotations

from sandbox.salesforce.errors import ApiError
from sandbox.salesforce.objects.vendor_objects import vendor_has

_RESOURCES = """
actions analytics appMenu async-queries chatter commerce compactLayouts connect consent eclair event eventSchema
financialservices folders graphql iot knowledgeManagement licensing localizedvalue match metadata nouns
parameterizedSearch payments process quickActions recent scheduling search smartdatadiscovery support tabs theme ui-api
wave
"""
#: Resources of a version that the vendor has, by the first part of their path.
RESOURCES = tuple(_RESOURCES.split())
_ROW_RESOURCES = "approvalLayouts compactLayouts defaultValues eventSchema layouts listviews quickActions namedLayouts"
#: Resources of an object that the vendor has, by the part behind the object's name.
ROW_RESOURCES = tuple(_ROW_RESOURCES.split())
#: Doors beside ``/services/data``.
DOORS = (
    "/services/async/",
    "/services/apexrest/",
    "/cometd/",
    "/services/oauth2/authorize/",
    "/services/oauth2/device/",
    "/services/oauth2/singleaccess/",
    "/services/auth/",
    "/secur/",
    "/.well-known/",
    "/id/keys/",
)


def not_built(name: str) -> ApiError:
    """Return the refusal of something the vendor answers and this org does not."""
    words = f"The sandbox does not have this: {name}. Nothing was read or written."
    return ApiError("SANDBOX_NOT_BUILT", words, status=501)


def absent_object(name: str) -> bool:
    """Tell whether the vendor has an object of this name that is not built here; ``__e`` are platform events."""
    low = name.lower()
    return vendor_has(name) or low.endswith(("__e", "__mdt", "__b", "changeevent"))


def absent_resource(path: str) -> str | None:
    """Return the name of the vendor's resource at a path that nothing here answers; None when the vendor has none.

    The path stands behind the version, ``/sobjects/Lead/layouts``, or is a whole one outside of it.
    """
    for door in DOORS:
        if f"{path}/".startswith(door):
            return f"resource {door.strip('/')}"
    parts = path.strip("/").split("/")
    if parts[0] in RESOURCES:
        return f"resource {parts[0]}"
    if parts[0] == "jobs" and parts[-1] == "resultPages":
        return "resource jobs/query/{id}/resultPages"
    if parts[:2] == ["sobjects", "relevantItems"]:
        return "resource sobjects/relevantItems"
    if parts[0] == "sobjects" and len(parts) > 2 and (parts[2] in ROW_RESOURCES or parts[-1] in ROW_RESOURCES):
        return f"resource sobjects/{{object}}/{parts[-1] if parts[-1] in ROW_RESOURCES else parts[2]}"
    if parts[0] == "sobjects" and len(parts) > 3 and parts[3] in ROW_RESOURCES:
        return f"resource sobjects/{{object}}/{parts[3]}"
    return None
