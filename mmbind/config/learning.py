"""``compute``, ``training`` and ``evaluation``: networks, schedules and the proof."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, NonNegativeInt

from mmbind.config.base import Once, Section
from mmbind.config.binding import View
from mmbind.config.sources import Name


class Compute(Section):
    """What the numbers depend on beside the parameters."""

    #: Of the stages train and evaluate; the shared encoder, embeddings and ``mmbind predict`` stay on the CPU.
    #: ``auto`` takes a GPU where there is one.
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    #: Of the encoders while they are trained; answers are always given in float32. ``auto``
    #: takes bfloat16 where the device multiplies it natively, so that bytes differ between machines.
    precision: Literal["float32", "bfloat16", "auto"] = "float32"
    #: Threads of one training; sums depend on it.
    threads: int = Field(default=1, ge=1)

    @property
    def on_cpu(self) -> Self:
        """The same for what stays on the CPU, whatever trains the multimodal networks."""
        return self.model_copy(update={"device": "cpu"})


class Schedule(Section):
    """A fixed training schedule."""

    epochs: int = Field(ge=1)
    batch: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)


class Augment(Section):
    """Mild augmentation of training windows, the same for every method."""

    #: Standard deviation of a per-window scale factor around 1.
    scale: float = Field(default=0.1, ge=0)
    #: Standard deviation of added noise, in units of the channel's deviation.
    noise: float = Field(default=0.05, ge=0)
    #: Largest shift as a share of the window.
    shift: float = Field(default=0.1, ge=0, lt=1)


class Network(Section):
    """One encoder per modality."""

    #: ``cnn``: 1-D convolutions over time. ``cnn_gru``: the research code's convolutions and GRU.
    #: ``transformer``: a small Transformer over patches of the window.
    kind: Literal["cnn", "cnn_gru", "transformer"] = "cnn"
    width: int = Field(default=64, ge=4)
    #: Size of an encoder's feature vector.
    features: int = Field(default=128, ge=2)
    #: Size of the projection head's output.
    projection: int = Field(default=64, ge=2)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    #: Modalities whose windows lose their own mean per channel, e.g. positions: where a body
    #: stands says nothing about what it does.
    centred: list[Name] = []
    #: Whether projection heads and classifier are told which modalities a window has.
    presence_bits: bool = False


class Neighbours(Section):
    """Edges between all windows that answers spread over, beside those of the binding.

    The binding joins windows of different sources by the shared modality alone; these edges
    join any two windows, the target's too, by every modality that both have (but see ``across``).
    """

    #: Whether windows of different unlabelled roles are joined; else those of a role and the target's alone are.
    across: bool = Field(default=True, exclude_if=lambda across: across)
    #: Neighbours of a window among the windows of each role; 0 leaves the binding alone.
    partners: int = Field(default=5, ge=0)
    #: Windows of each role that are looked at more closely.
    candidates: int = Field(default=64, ge=1)
    #: How time is warped, as in ``binding.rerank``: steps per window, largest shift.
    steps: int = Field(default=40, ge=2)
    band: int = Field(default=6, ge=0)
    #: What is warped, as in ``binding.rerank``, by modality; the others are ``centred``.
    views: dict[Name, View] = {}
    #: A window's edges to a role weigh softmax(score / temperature).
    temperature: float = Field(default=0.1, gt=0)


class Propagation(Section):
    """Spreading class probabilities over the binding and over neighbours."""

    #: Share of a window's own first answer in each round.
    keep: float = Field(default=0.2, gt=0, le=1)
    rounds: int = Field(default=30, ge=0)
    neighbours: Neighbours = Neighbours()
    #: Whether the binding's edges are there; without them ``neighbours`` is all that answers spread over.
    binding: bool = Field(default=True, exclude_if=lambda binding: binding)
    #: Edges by the features of the last student, from the second round of ``student.rounds`` on,
    #: in the place of ``neighbours``: neighbours of a window among those of each role; at 0 the graph
    #: stays, and a model's card does not name the setting.
    learned: int = Field(default=0, ge=0, exclude_if=lambda partners: partners == 0)


class Student(Section):
    """Training on the labels and on pseudo-labels of the unlabelled windows."""

    #: Windows with pseudo-labels in each step.
    unlabelled: int = Field(default=64, ge=2)
    #: How many students: each but the first learns from the answers of the one before. A model's
    #: card names the setting where there are several.
    rounds: int = Field(default=1, ge=1, exclude_if=lambda rounds: rounds == 1)
    #: Weights that the student starts from: those of pre-training, or random ones.
    start: Literal["pretrained", "scratch"] = "pretrained"
    #: Whether the target's own unlabelled windows get pseudo-labels, too.
    own_windows: bool = True
    #: Shares of the classes among the unlabelled windows. ``none``: whatever the teacher
    #: answers. ``labelled``: those of the labelled windows; right only where these are a
    #: random sample, or where all classes are equally frequent.
    prior: Literal["none", "labelled"] = "none"


class Calibration(Section):
    """How sure the model says it is."""

    #: Parts of the labels, each answered by a teacher that learns from the others, to find the
    #: temperature of the probabilities; below 2 none is looked for. It costs about as many teachers.
    folds: int = Field(default=3, ge=0)


class Training(Section):
    """Weighted contrastive pre-training and fine-tuning (stages 2 and 3)."""

    seed: int = Field(default=0, ge=0)
    network: Network = Network()
    augment: Augment = Augment()
    pretrain: Schedule
    finetune: Schedule
    #: Positives of pre-training. ``views``: the other views of a sample, own and borrowed (the
    #: paper). ``graph``: those of a window and, by weight, those of its partners. ``windows``: those of a
    #: window alone, drawn twice: the same loss without a binding, to see what the binding is worth.
    contrast: Literal["views", "graph", "windows"] = "graph"
    #: Softmax temperature tau of the contrastive loss between views ...
    temperature: float = Field(default=0.1, gt=0)
    #: ... and of that over the graph, where a low one tells windows apart, not what is done in them.
    graph_temperature: float = Field(default=0.3, gt=0)
    #: Whether answers on the unlabelled windows, spread over the binding, train a student.
    propagate: bool = True
    #: Chance that a present modality is hidden from a fine-tuning step.
    modality_dropout: float = Field(default=0.0, ge=0, lt=1)
    propagation: Propagation = Propagation()
    student: Student = Student()
    calibration: Calibration = Calibration()
    #: Epochs between two checkpoints.
    checkpoint_every: int = Field(default=5, ge=1)


MethodName = Literal[
    "lower",
    "unimodal",
    "mim",
    "mpm",
    "cmg",
    "dcm",
    "imagebind",
    "self_training",
    "mmbind_paper",
    "mmbind_paper_weighted",
    "mmbind",
    "upper",
    "oracle",
]


class Evaluation(Section):
    """The harness: methods x seeds on the test role."""

    methods: Once[MethodName] = Field(default=["lower", "mim", "mmbind", "upper", "oracle"], min_length=1)
    #: Every method is trained once per seed, from pre-training on.
    seeds: Once[NonNegativeInt] = Field(default=[0, 1, 2], min_length=1)
    #: Whether the runs' probabilities are calibrated, too; classes, accuracy and F1 are the same either way.
    calibrated: bool = False
    #: Trainings that run side by side.
    workers: int = Field(default=2, ge=1)
