"""One room per vendor. Adapters see only connector.domain, connector.ports and connector.errors."""
