"""A source and a CRM that live in memory: for tests of the engine, and to read first when writing an adapter."""

from adapters.memory.crm import MemoryCrm
from adapters.memory.source import MemorySource

__all__ = ["MemoryCrm", "MemorySource"]
