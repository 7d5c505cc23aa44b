"""Long proofs that delivery survives crashes, kills, lost answers and load. Short forms: ``tests/survival``.

``place``, ``commands``, ``forge``, ``boundaries`` and ``buyers`` drive the whole product against local orgs; the tests
of ``tests/end_to_end`` and ``tests/abuse`` stand on them too.
"""
