"""Long proofs that delivery survives: crashes, kills, lost answers, load; their short forms are in ``tests/survival``."""
