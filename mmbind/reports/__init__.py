"""Room: reports. What a binding and an evaluation found, as self-contained pages."""

from mmbind.reports.binding_report import BindingReportSummary, write_binding_report
from mmbind.reports.evaluation_page import write_evaluation_page

__all__ = ["BindingReportSummary", "write_binding_report", "write_evaluation_page"]
