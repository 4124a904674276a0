"""mmbind's recipe: pre-training on the binding, a teacher from few labels, a student from its answers.

1. Contrast. ``views`` is the paper's loss (MMBind, arXiv 2411.12126, stage 2): the views of a
   sample, own and borrowed, are its positives. ``graph`` encodes windows as they were recorded:
   a batch holds anchors and, for each, one partner drawn by weight; a view's positives are the
   other views of its window and, by their weights, the views of its partners. So the partner's
   views stand in for borrowed ones, and the shared modality of both counts too, which drives
   out the person. ``windows`` is the same without pairs: each window is its own partner.
2. Fine-tune on the labels (stage 3), some modalities hidden.
3. Where ``propagate`` is on, the fine-tuned model is a teacher: its answers on the unlabelled
   windows are spread over the binding and over neighbours by all common modalities
   (:mod:`mmbind.training.neighbours`), and train a student (:mod:`mmbind.training.student`). Students
   may be teachers in their turn, and windows be joined anew by what they have learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl
import torch
from torch import Tensor

from mmbind.dataset.table import SampleTable
from mmbind.learning.loop import Step
from mmbind.learning.losses.graph_contrastive import graph_contrastive
from mmbind.learning.samples import Samples, joined
from mmbind.training.graph import WindowGraph
from mmbind.training.model import TrainedModel
from mmbind.training.neighbours import learned_graph, neighbour_graph
from mmbind.training.samples import as_recorded, own_windows, pseudo_paired
from mmbind.training.student import teach
from mmbind.training.trainer import Trainer, refuse_too_few_classes
from mmbind.windows.store import WindowStore


def train_on_pairs(
    trainer: Trainer, stores: Sequence[WindowStore], target: WindowStore, pairs: pl.DataFrame, labelled: Samples
) -> TrainedModel:
    """Trains one model on a binding and few labels.

    Args:
        trainer: the network; ``training.contrast`` and ``training.propagate`` choose the steps.
        stores: of the roles that were bound.
        target: the target's windows, whose labels are not read.
        pairs: ``schema.PAIRS``.
        labelled: the labelled windows of the target.

    Raises:
        InputError: when the pairs are stale, or fewer than two classes have labels.
        MmbindError: when training diverges; names the windows of that step.
    """
    refuse_too_few_classes(labelled)
    table, windows = SampleTable.of(stores, pairs), as_recorded(stores)
    if trainer.training.contrast == "views":
        samples = pseudo_paired(stores, table)
        trainer.run("pretrain", samples, trainer.on(samples, trainer.contrast))
    else:
        walked = pairs if trainer.training.contrast == "graph" else pairs.clear()
        trainer.run("pretrain", windows, on_graph(trainer, windows, WindowGraph.of(windows.windows, walked)))
    if trainer.training.propagate:
        unlabelled = pseudo_labelled(windows, target, trainer.training.student.own_windows)
        spread = partial(answers_graph, trainer, stores, unlabelled, pairs, labelled)
        regrow = spread if trainer.training.propagation.learned else None
        return teach(trainer, unlabelled, labelled, graph=spread(), regrow=regrow)
    return trainer.finetune(labelled)


def pseudo_labelled(windows: Samples, target: WindowStore, own: bool) -> Samples:
    """The windows that get pseudo-labels: those of the bound roles and, where asked for, the target's own."""
    return joined(windows, own_windows(target)) if own else windows


def answers_graph(
    trainer: Trainer,
    stores: Sequence[WindowStore],
    unlabelled: Samples,
    pairs: pl.DataFrame,
    labelled: Samples,
    student: TrainedModel | None = None,
) -> WindowGraph:
    """What answers spread over: the binding and edges between all windows that are alike.

    Args:
        trainer: its settings.
        stores: of the roles that were bound.
        unlabelled: windows of these roles and of the target.
        pairs: ``schema.PAIRS``.
        labelled: the labelled windows of the target.
        student: finds windows alike by its features (``propagation.learned``); None: by the signals
            themselves (``propagation.neighbours``).

    Returns:
        A graph whose nodes are the unlabelled windows, then the labelled ones.
    """
    everyone, spread = joined(unlabelled, labelled), trainer.training.propagation
    binding = WindowGraph.of(everyone.windows, pairs if spread.binding else pairs.clear())
    wanted = spread.neighbours if student is None else spread.neighbours.model_copy(update={"partners": spread.learned})
    if not wanted.partners:
        return binding
    roles = {window: number for number, store in enumerate(stores) for window in store.ids}
    groups = np.array([roles.get(window, len(stores)) for window in everyone.windows])
    if student is None:
        edges = neighbour_graph(everyone, groups, wanted)
    else:
        edges = learned_graph(student.features(everyone), groups, wanted)
    return WindowGraph(binding.windows, binding.weights + edges)


def on_graph(trainer: Trainer, windows: Samples, graph: WindowGraph) -> Step:
    """The step of pre-training that walks on the binding graph.

    Args:
        trainer: the network.
        windows: as recorded, in the order of the graph's nodes.
        graph: the binding.
    """

    def step(positions: Tensor, generator: torch.Generator) -> Tensor:
        nodes = torch.cat([positions, graph.partners(positions, generator)])
        batch = trainer.batch(windows, nodes)
        presence = trainer.model.presence(batch.present)
        embeddings = trainer.model.embed(trainer.views(batch, generator), presence)
        affinity = graph.affinity(nodes).to(presence.device)
        return graph_contrastive(embeddings, presence, affinity, trainer.training.graph_temperature)

    return step
