"""Stored results of trainings, and the page that is generated from them."""

from mmbind.reports.results.tables import CONFUSIONS, KEYS, MODALITIES, RELIABILITY, RUNS, Results

__all__ = ["CONFUSIONS", "KEYS", "MODALITIES", "RELIABILITY", "RUNS", "Results"]
