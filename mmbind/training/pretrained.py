"""Finished phases of pre-training, kept for every training that would repeat them to the bit.

Pre-training sees no label, so trainings that differ in their labels, or in what they do
with them, share it. Which trainings these are, the name of the folder says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock
from torch import nn

from mmbind.errors import MmbindError
from mmbind.learning.checkpoint import load_into, save_module


def shared_phase(folder: Path, module: nn.Module, train: Callable[[], list[float]]) -> list[float]:
    """Takes a phase that is kept, or trains it and keeps it.

    One process trains; others that ask for the same phase wait for it. What is kept and
    cannot be read is trained anew.

    Args:
        folder: of the phase; its name stands for everything that determines the phase.
        module: what the phase trains, in place.
        train: trains it and returns the losses.

    Returns:
        The mean loss of every epoch.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        try:
            losses = [float(loss) for loss in load_into(folder, module)["losses"]]
        except MmbindError:
            losses = train()
            save_module(folder, module, {"losses": losses})
    module.eval()
    return losses
