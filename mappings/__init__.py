"""The starter mappings, shipped as data: ``default/`` is what ``handoff init`` copies."""
