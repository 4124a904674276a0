"""Room: windows. Recordings become windows on a common grid, kept in a memory-mapped store."""

from mmbind.windows.cut import WindowSummary, cut_windows

__all__ = ["WindowSummary", "cut_windows"]
