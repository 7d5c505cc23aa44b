"""What the org is made of, described and changed: describe, the Tooling API, the Metadata API."""
