"""HubSpot as a source of people and of what they did, and as a CRM that is not offered yet."""

from adapters.hubspot.crm import HubSpotCrm
from adapters.hubspot.source import HubSpotSource

__all__ = ["HubSpotCrm", "HubSpotSource"]
