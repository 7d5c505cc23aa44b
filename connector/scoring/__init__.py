"""Fit, interest, qualification, accounts: a function of facts and history."""
