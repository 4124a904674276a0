"""The protocol at scale: a grid of trainings that resumes, and its stored results."""

from mmbind.evaluation.grid.cells import Cell, Selection, cells_of
from mmbind.evaluation.grid.run import GridSummary, merge_results, run_grid

__all__ = ["Cell", "GridSummary", "Selection", "cells_of", "merge_results", "run_grid"]
