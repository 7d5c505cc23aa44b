"""Local orgs that real clients believe: each vendor's API on a loopback port, kept in one directory."""
