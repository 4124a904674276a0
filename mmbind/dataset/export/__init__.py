"""A binding with its waveforms, for tools that do not know mmbind: one module per format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmbind.dataset.binding_dataset import BindingDataset
from mmbind.dataset.export.huggingface import write_huggingface
from mmbind.dataset.export.parquet import write_parquet_folder
from mmbind.dataset.export.webdataset import write_webdataset
from mmbind.errors import InputError, nearest
from mmbind.files import whole_folder
from mmbind.study import Study

#: Writer of each format: dataset, folder and samples per file in, names of the files out.
FORMATS: dict[str, Callable[[BindingDataset, Path, int], list[str]]] = {
    "huggingface": write_huggingface,
    "parquet": write_parquet_folder,
    "webdataset": write_webdataset,
}


@dataclass(frozen=True)
class ExportSummary:
    """What :func:`export_binding` did.

    Attributes:
        folder: where it wrote.
        layout: the format.
        samples: how many.
        files: names of the files of samples.
    """

    folder: Path
    layout: str
    samples: int
    files: list[str]

    def lines(self) -> list[str]:
        """One line for the log."""
        return [f"{self.folder}: {self.samples} samples in {len(self.files)} files ({self.layout})"]


def export_binding(study: Study, folder: Path, layout: str, *, shard_size: int = 4096) -> ExportSummary:
    """Writes the binding of a study and the windows that it names.

    Samples keep their order; equal bindings give equal bytes. The folder is replaced as a whole.

    Args:
        study: a study that has been bound.
        folder: where to write; must not exist, be empty, or hold an earlier export.
        layout: a name of ``FORMATS``.
        shard_size: samples per file.

    Raises:
        MissingStageError: before bind.
        InputError: for an unknown format, a shard without samples, or a folder that holds something else.
    """
    if layout not in FORMATS:
        raise InputError(f"Unknown format {layout!r}.", hint=nearest(layout, FORMATS))
    if shard_size < 1:
        raise InputError(f"A file of {shard_size} samples cannot be written.", hint="Give at least 1.")
    if folder.exists() and not (folder / "manifest.json").is_file() and any(folder.iterdir()):
        raise InputError(f"{folder} holds something that is no export.", hint="Name another folder.")
    dataset = BindingDataset.open(study)
    with whole_folder(folder) as place:
        files = FORMATS[layout](dataset, place, shard_size)
    return ExportSummary(folder, layout, len(dataset), files)
