"""Who may come in: tokens, scopes, limits, and the account itself."""
