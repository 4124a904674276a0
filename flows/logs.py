"""Logs of the flow: an error that mmbind explains needs no traceback to be understood."""

from __future__ import annotations

import logging
import os

from mmbind.errors import MmbindError

#: The loggers through which Prefect reports that a run failed.
LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class _Explained(logging.Filter):
    """Reduces an explained error to its sentence; ``MMBIND_DEBUG`` keeps the traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, MmbindError) and not os.environ.get("MMBIND_DEBUG"):
            record.msg, record.args, record.exc_info, record.exc_text = str(error), (), None, None
        return True


def explain_errors() -> None:
    """Takes the tracebacks of explained errors out of the runs' logs."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _Explained) for known in logger.filters):
            logger.addFilter(_Explained())
