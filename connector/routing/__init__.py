"""Owners, fast lane, personas, tasks."""
