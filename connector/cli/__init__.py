"""The command line: ``handoff …`` and ``python -m connector …``."""

from connector.cli.app import main

__all__ = ["main"]
