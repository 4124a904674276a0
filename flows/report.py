"""Door of the stage ``report``: ``python -m flows.report``."""

from flows.doors import walk
from mmbind.reports import write_binding_report

if __name__ == "__main__":
    walk("report", write_binding_report)
