"""Handoff: carries a lead from marketing to sales, exactly once, with the reason beside every number."""

__version__ = "0.1.0"
