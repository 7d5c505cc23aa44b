"""Salesforce: accounts, leads, contacts and what sales does with them, read and written."""

from adapters.salesforce.crm import SalesforceCrm

__all__ = ["SalesforceCrm"]
