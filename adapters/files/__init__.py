"""Files as a source (CSV, NDJSON, Parquet) and a folder of files as the smallest complete CRM."""

from adapters.files.crm import FilesCrm
from adapters.files.source import FilesSource

__all__ = ["FilesCrm", "FilesSource"]
