"""Inspection: logs never seen before in, a drafted block of ``params.yaml`` out.

Every question has its module: formats (and text), columns, units, clocks, names. They look at
samples, answer with a :class:`~mmbind.inspection.evidence.Guess`, and say when they are
unsure. The draft is then tried with the readers themselves.
"""

from mmbind.inspection.draft import Draft
from mmbind.inspection.survey import Inspection, inspect
from mmbind.inspection.trial import Trial, try_source

__all__ = ["Draft", "Inspection", "Trial", "inspect", "try_source"]
