"""A HubSpot account that real clients believe."""
