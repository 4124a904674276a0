"""WebDataset shards: tar files in which the members of one sample share a name.

Source: the WebDataset format (A. Aizman, G. Maltby, T. Breuel, "High Performance I/O For
Large Scale Deep Learning", 2020, section V): members of a sample stand together and differ
in their extension alone.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmbind.dataset.binding_dataset import BindingDataset
from mmbind.dataset.export.shards import shards, write_manifest


def write_webdataset(dataset: BindingDataset, folder: Path, size: int) -> list[str]:
    """Writes ``00000.tar``, ... and ``manifest.json``.

    A sample ``<anchor>-<rank>`` has the members ``.json`` (anchor, rank, weight, similarity,
    the window that gives each modality) and ``.<modality>.npy``: float32 (steps, channels),
    SI, for each modality that it has. Members carry no time and no owner.

    Args:
        dataset: the binding.
        folder: an empty folder.
        size: samples per file.

    Returns:
        Names of the files.
    """
    files = []
    for number, (told, batch) in enumerate(shards(dataset, size)):
        files.append(f"{number:05d}.tar")
        with tarfile.open(folder / files[-1], "w", format=tarfile.USTAR_FORMAT) as archive:
            for place, row in enumerate(told.iter_rows(named=True)):
                key = f"{row['anchor']}-{row['rank']}"
                text = json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False)
                _add(archive, f"{key}.json", text.encode())
                for name, view in batch.views.items():
                    if batch.present[name][place]:
                        _add(archive, f"{key}.{name}.npy", _npy(view[place].numpy()))
    write_manifest(dataset, folder)
    return files


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))


def _npy(values: npt.NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(values), allow_pickle=False)
    return stream.getvalue()
