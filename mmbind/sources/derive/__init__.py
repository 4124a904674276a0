"""Modalities that are computed from one that was read: what no sensor of a logger shows by itself.

:mod:`~mmbind.sources.derive.gravity` and :mod:`~mmbind.sources.derive.slow` hold the
computations, each a function of arrays; :mod:`~mmbind.sources.derive.kinds` says which one a
section of the configuration means; :mod:`~mmbind.sources.derive.records` adds them to records.
"""

from mmbind.sources.derive.kinds import Outcome, channels_of, derive, unit_of
from mmbind.sources.derive.records import DerivedTables, derive_records

__all__ = ["DerivedTables", "Outcome", "channels_of", "derive", "derive_records", "unit_of"]
