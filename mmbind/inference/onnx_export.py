"""``mmbind export-onnx``: the model for programs without torch, checked on every subset of modalities."""

from __future__ import annotations

import copy
import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from mmbind.errors import InputError, MissingStageError, MmbindError
from mmbind.files import canonical_json, sha256_file, whole_file
from mmbind.learning.checkpoint import CARD, WEIGHTS
from mmbind.learning.layers import SegmentMaxima
from mmbind.study import Study
from mmbind.training.model import TrainedModel
from mmbind.training.model_file import load_model
from mmbind.windows.store import ModalitySpec

#: ONNX operator set; onnxruntime reads it since 1.14.
OPSET = 18
#: Names of the input that says which modalities a window has, and of the output.
PRESENT, PROBABILITIES = "present", "probabilities"
#: Largest difference between torch's probabilities and those of the exported model.
TOLERANCE = 1e-5
#: Subsets of modalities that are compared at most.
SUBSETS = 64
_NEEDED = ("onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True)
class Exported:
    """What :func:`export_onnx` did.

    Attributes:
        path: the file.
        modalities: inputs beside ``present``, in the order of its columns.
        classes: columns of the output.
        subsets: of modalities on which both models were compared.
        difference: the largest difference of a probability.
    """

    path: Path
    modalities: dict[str, ModalitySpec]
    classes: list[str]
    subsets: int
    difference: float

    def lines(self) -> list[str]:
        """The inputs, the output and the check."""
        inputs = ", ".join(
            f"{n} (windows, {s.steps}, {len(s.channels)}) in {s.unit}" for n, s in self.modalities.items()
        )
        return [
            f"inputs: {inputs}; {PRESENT} (windows, {len(self.modalities)})",
            f"output: {PROBABILITIES} (windows, {len(self.classes)}): {', '.join(self.classes)}",
            f"agrees with torch on {self.subsets} subsets of modalities to {self.difference:.1e}",
            f"written: {self.path}",
        ]


def export_onnx(study: Study, path: Path, *, model: Path | None = None) -> Exported:
    """Writes a trained model as ONNX, and compares it with torch on every subset of modalities.

    Inputs are one float32 array (windows, steps, channels) in SI units per modality, and the bool array
    ``present`` (windows, modalities in sorted order); what stands at absent places has no influence,
    NaN included. The output is float32 (windows, classes). Scalers are part of the model. Its
    metadata hold classes, modalities and the sha256 of the weights. Same model, same bytes.

    Args:
        study: the study that the model is of.
        path: the file, ``.onnx``.
        model: folder of the model; that of the stage ``train`` when None.

    Raises:
        MissingStageError: before ``train`` was run.
        InputError: for another ending, or when the extra ``onnx`` is not installed.
        MmbindError: when the exported model answers otherwise than torch.
    """
    if path.suffix != ".onnx":
        raise InputError(f"{path}: the file must end in .onnx.")
    folder = study.model("multimodal") if model is None else model
    if model is None and not (folder / CARD).is_file():
        raise MissingStageError(folder, "train")
    trained = load_model(folder)
    with _quiet():
        _refuse_missing_packages()
        exported = _exported(trained, sha256_file(folder / WEIGHTS))
        subsets, difference = _compare(exported, trained)
    if not difference <= TOLERANCE:
        raise MmbindError(
            f"The exported model differs from torch by {difference:.1e} in a probability; at most {TOLERANCE:.0e} "
            "is allowed. Nothing was written.",
            hint="Report the versions of torch, onnx, onnxscript and onnxruntime.",
        )
    with whole_file(path) as temporary:
        temporary.write_bytes(exported)
    return Exported(path, dict(sorted(trained.modalities.items())), trained.classes, subsets, difference)


class _Dense(nn.Module):
    """The same network without steps that depend on data: all is encoded, and what is absent is masked."""

    def __init__(self, trained: TrainedModel) -> None:
        super().__init__()
        self.model, self.probabilities = copy.deepcopy(trained.model), trained.probabilities
        for layer in self.model.modules():
            if isinstance(layer, SegmentMaxima):
                layer.always_sliced = True

    def forward(self, signals: tuple[Tensor, ...], present: Tensor) -> Tensor:
        model, parts = self.model, []
        for number, name in enumerate(model.names):
            here = present[:, number, None]
            view = torch.where(here[:, :, None], signals[number], 0.0)
            parts.append(torch.where(here, model.encoders[name](model.scalers[name](view)), 0.0))
        share = len(model.names) / present.sum(dim=1, keepdim=True).clamp(min=1)
        told = [present.float()] if model.bits else []
        fused = torch.cat([torch.cat(parts, dim=1) * share, *told], dim=1)
        return self.probabilities(model.classifier(fused))


def _exported(trained: TrainedModel, weights: str) -> bytes:
    """The model's ONNX bytes."""
    names = trained.model.names
    specs = [trained.modalities[name] for name in names]
    signals = tuple(torch.zeros(3, spec.steps, len(spec.channels)) for spec in specs)
    windows = torch.export.Dim("windows")
    program = torch.onnx.export(
        _Dense(trained).eval(),
        (signals, torch.ones(3, len(names), dtype=torch.bool)),
        dynamo=True,
        verbose=False,
        external_data=False,
        opset_version=OPSET,
        input_names=[*names, PRESENT],
        output_names=[PROBABILITIES],
        dynamic_shapes=(tuple({0: windows} for _ in signals), {0: windows}),
    )
    if program is None:
        raise MmbindError("torch exported no model.")
    proto: Any = program.model_proto
    _settle(proto)
    about = {
        "classes": trained.classes,
        "modalities": {name: asdict(spec) for name, spec in zip(names, specs, strict=True)},
        "weights_sha256": weights,
    }
    for key, value in about.items():
        proto.metadata_props.add(key=key, value=value if isinstance(value, str) else canonical_json(value))
    return bytes(proto.SerializeToString(deterministic=True))


def _settle(proto: Any) -> None:
    """Takes away what depends on the place and the run: paths in remarks, and numbered names."""
    graph = proto.graph
    del proto.metadata_props[:], graph.metadata_props[:], graph.value_info[:]
    kept = {value.name for value in [*graph.input, *graph.output, *graph.initializer]} | {""}
    renamed: dict[str, str] = {}
    for number, node in enumerate(graph.node):
        del node.metadata_props[:]
        node.name, node.doc_string = f"node_{number}", ""
        for position, name in enumerate(node.output):
            if name not in kept:
                renamed[name] = f"value_{number}_{position}"
    for number, tensor in enumerate(graph.initializer):
        del tensor.metadata_props[:]
        renamed[tensor.name] = f"weight_{number}"
        tensor.name = f"weight_{number}"
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]


def _compare(exported: bytes, trained: TrainedModel) -> tuple[int, float]:
    """How many subsets of modalities were compared, and the largest difference of a probability."""
    session = importlib.import_module("onnxruntime").InferenceSession(exported, providers=["CPUExecutionProvider"])
    model, names = trained.model, trained.model.names
    subsets = [mask for mask in product((True, False), repeat=len(names)) if any(mask)][:SUBSETS]
    generator, largest = torch.Generator().manual_seed(0), 0.0
    for mask in subsets:
        present = torch.tensor([mask] * 4)
        scaled = {
            name: torch.randn(
                4, trained.modalities[name].steps, len(trained.modalities[name].channels), generator=generator
            )
            for name in names
        }
        signals = {name: model.unscale(name, view) for name, view in scaled.items()}
        with torch.no_grad():
            scores = model.classify(model.scale(signals), present.T)
            expected = trained.probabilities(scores).numpy()
        found = run(session, {name: view.numpy() for name, view in signals.items()}, present.numpy())
        largest = max(largest, float(np.abs(found - expected).max()))
    return len(subsets), largest


def run(
    session: Any, signals: Mapping[str, npt.NDArray[np.float32]], present: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Class probabilities of an onnxruntime session.

    Args:
        session: of an exported model.
        signals: per modality float32 (windows, steps, channels), SI; anything where absent.
        present: bool (windows, modalities in sorted order).

    Returns:
        float32 (windows, classes).
    """
    found = session.run([PROBABILITIES], {**signals, PRESENT: present})[0]
    return np.asarray(found, dtype=np.float32)


def _refuse_missing_packages() -> None:
    for name in _NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            raise InputError(
                f"The package {name!r} is not installed.",
                hint="Install mmbind with its extra, from its checkout: pip install '.[onnx]'.",
            ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences remarks of torch's exporter on its own code."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
