"""Rows of the org: written singly and many at once, by the org's rules, and shown."""
