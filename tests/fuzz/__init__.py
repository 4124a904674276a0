"""A seeded byte mutator over small log files of every format: ``python -m tests.fuzz``.

Every mutation must end as rows, as quarantine, or as one clear error: no crash, no hang, no
silently wrong row.
"""
