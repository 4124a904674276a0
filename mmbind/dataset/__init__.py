"""Room: dataset. A binding and the windows that it names, as something to train on or to hand over."""

from mmbind.dataset.binding_dataset import BindingDataset, load_binding
from mmbind.dataset.export import ExportSummary, export_binding

__all__ = ["BindingDataset", "ExportSummary", "export_binding", "load_binding"]
