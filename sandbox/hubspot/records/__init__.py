"""Records of the account: one by one, in batches, searched, and tied to each other."""
