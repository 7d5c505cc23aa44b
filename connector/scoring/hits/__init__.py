"""Match once: which activities count for which rule, and the counts that are kept on disk."""
