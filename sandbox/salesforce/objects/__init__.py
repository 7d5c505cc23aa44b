"""Objects and fields of the org: the tables of standard ones, their picklists, and what a field takes."""
