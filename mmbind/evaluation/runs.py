"""Runs: what determines one training of the harness, and what is kept of it.

A finished run is kept under ``data/.work/<key>``, outside DVC's outputs. Its key is the
digest of everything that determines it: parameters, method, seed, steps, the bytes of the
folders it reads, and the code that trains. A killed evaluation therefore
resumes, and nothing that is finished is trained twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from mmbind.config import TARGET, TEST, MethodName
from mmbind.evaluation.answers import Answers
from mmbind.evaluation.inputs import Inputs
from mmbind.evaluation.methods import METHODS, Reading
from mmbind.files import canonical_json, digest_code, digest_folder, digest_of, read_json, sha256_file, write_text
from mmbind.learning.compute import resolved
from mmbind.study import Study
from mmbind.windows.store import WindowStore

#: Rooms and modules whose code determines a run; its inputs' bytes stand for the others.
TRAINING_CODE = (
    "binding/rerank",
    "dataset/table.py",
    "encoders/representations.py",
    "evaluation/answers.py",
    "evaluation/inputs.py",
    "evaluation/leakage.py",
    "evaluation/methods",
    "evaluation/worker.py",
    "files.py",
    "learning",
    "schema.py",
    "study.py",
    "training",
    "windows/store.py",
)
#: What else determines the runs of methods that bind for themselves.
BINDING_CODE = ("binding", "encoders")
#: Parameters of ``training`` that pre-training does not know.
AFTER_PRETRAINING = ("calibration", "finetune", "modality_dropout", "propagate", "propagation", "student")


@dataclass(frozen=True)
class Run:
    """A finished training and its answers on the test windows.

    Attributes:
        method: name of the method.
        seed: of its pre-training and fine-tuning.
        pretraining_samples: how many samples it pre-trained on; 0 without pre-training.
        pretraining_epochs: how often it saw them.
        predicted: class name per test window, in the order of the test store's index.
        answers: the same with its probability, and with every subset of the modalities.
    """

    method: MethodName
    seed: int
    pretraining_samples: int
    pretraining_epochs: int
    predicted: list[str]
    answers: Answers

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The run kept in a folder, or None."""
        path = folder / "run.json"
        if not path.is_file():
            return None
        kept: dict[str, Any] = read_json(path)
        return cls(**{**kept, "answers": Answers(**kept["answers"])})

    def save(self, folder: Path) -> None:
        """Keeps the run in a folder, as one small file that is there whole or not at all."""
        write_text(folder / "run.json", canonical_json(asdict(self)) + "\n")


@dataclass(frozen=True)
class Request:
    """One training to be done, in plain values, so that another process can do it.

    Attributes:
        root: the study's folder.
        data: the study's ``data`` (another one in a rotation).
        params: the study's parameters as JSON.
        method: name of the method.
        seed: of the training.
        steps: optimisation steps of pre-training, the same for all methods.
        key: of the run (see :func:`run_keys`).
        pretraining: of what comes before its labels (see :func:`run_keys`).
    """

    root: str
    data: str
    params: str
    method: MethodName
    seed: int
    steps: int
    key: str
    pretraining: str


@cache
def software(*parts: str) -> str:
    """SHA-256 of some of mmbind's code (see :func:`mmbind.files.digest_code`) and the version of torch."""
    return digest_of([version("torch"), digest_code(*parts)])


def input_digests(study: Study) -> dict[Reading | str, dict[str, str]]:
    """SHA-256 of the folders that runs read, by what methods call them.

    Truth is hashed as bytes; nothing is read from it here. ``target`` is what the target shows
    whichever of its windows are labelled.
    """
    params = study.params
    target = WindowStore.open(study.role(TARGET), stage="assign")
    return {
        "target": {
            "index": digest_of(target.index.select("window", "shard", "^row_.*$").rows()),
            **{name: digest_folder(target.path / name) for name in sorted(target.modalities)},
        },
        "always": {name: digest_folder(study.role(name)) for name in (TARGET, TEST)},
        "roles": {name: digest_folder(study.role(name)) for name in params.unlabelled_roles},
        "embeddings": {
            name: digest_folder(study.embeddings(name))
            for name in params.unlabelled_roles
            if study.embeddings(name).is_dir()
        },
        "truth": {name: digest_folder(study.truth(name)) for name in params.unlabelled_roles},
        "bindings": {"pairs": sha256_file(study.bindings / "pairs.parquet")},
    }


def run_keys(
    study: Study, method: MethodName, seed: int, steps: int, inputs: Mapping[Reading | str, Mapping[str, str]]
) -> tuple[str, str]:
    """The digests of everything that determines a run, and of what determines it before its labels.

    Args:
        study: the study, for its parameters.
        method: name of the method.
        seed: of the training.
        steps: optimisation steps of pre-training.
        inputs: see :func:`input_digests`.

    Returns:
        The run's key, and that of its pre-training: this one knows of the labels the classes alone.
    """
    settings, opened = settings_of(study), Inputs(study, seed)
    common = {
        **settings,
        "method": method,
        "seed": seed,
        "steps": steps,
        "modalities": {name: asdict(spec) for name, spec in opened.modalities.items()},
        "code": software(*TRAINING_CODE),
        "binding_code": software(*BINDING_CODE) if "embeddings" in METHODS[method].reads else "",
    }
    held = [set(store.modalities) for store in opened.unlabelled.values()]
    if held and len(set.intersection(*held)) > 1:  # which of them is the shared one is a choice
        common["shared"] = study.params.shared.modality
    before_labels = {
        "pretraining": True,
        "training": {name: value for name, value in settings["training"].items() if name not in AFTER_PRETRAINING},
        "classes": opened.target.index["label"].drop_nulls().unique().sort().to_list(),
        "inputs": {name: dict(inputs[name]) for name in ("target", *METHODS[method].reads)},
    }
    return digest_of({**common, "inputs": inputs_of(method, inputs)}), digest_of({**common, **before_labels})


def settings_of(study: Study, compute: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The parameters that a training takes beside its data, as JSON values.

    Args:
        study: the study.
        compute: the section as another machine has it; None for this one (``resolved``).
    """
    params = study.params
    without = {"seed", "checkpoint_every", *(() if params.evaluation.calibrated else ("calibration",))}
    return {
        "training": params.training.model_dump(mode="json", exclude=without),
        "compute": resolved(params.compute) if compute is None else dict(compute),
        "partners": params.binding.partners,
    }


def inputs_of(method: MethodName, inputs: Mapping[Reading | str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Those of the folders' digests that a method reads."""
    return {name: dict(inputs[name]) for name in ("always", *METHODS[method].reads)}
