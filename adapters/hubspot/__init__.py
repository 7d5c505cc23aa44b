"""HubSpot as a source of people and of what they did."""

from adapters.hubspot.source import HubSpotSource

__all__ = ["HubSpotSource"]
