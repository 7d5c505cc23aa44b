"""Bulk API 2.0: jobs that write a table of rows or read one."""
