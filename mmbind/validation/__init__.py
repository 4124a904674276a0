"""Room: validation. Are a source's records what they claim to be?

Polars computes a small summary (``measure``, ``summary``), hand-written suites say what is
expected (``suites``), Great Expectations judges (``judge``), and the judgement stops the
pipeline or lets it go on (``judgement``).
"""

from mmbind.validation.records_judgement import RecordsJudgement
from mmbind.validation.validate import validate

__all__ = ["RecordsJudgement", "validate"]
