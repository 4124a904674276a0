"""The protocol at scale: a grid of trainings that resumes, and its stored results."""

from mmbind.evaluation.grid.cells import Cell, Selection, cells_of
from mmbind.evaluation.grid.check import CheckSummary, check_runs
from mmbind.evaluation.grid.publish import PublishSummary, write_results_page
from mmbind.evaluation.grid.run import GridSummary, merge_results, run_grid

__all__ = [
    "Cell",
    "CheckSummary",
    "GridSummary",
    "PublishSummary",
    "Selection",
    "cells_of",
    "check_runs",
    "merge_results",
    "run_grid",
    "write_results_page",
]
