"""Stages and dispositions."""
