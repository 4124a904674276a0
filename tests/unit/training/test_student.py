"""Pseudo-labels: the teacher's answers, what the graph makes of them, and the student's start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from mmbind.errors import MmbindError
from mmbind.evaluation.inputs import Inputs
from mmbind.learning.samples import Samples
from mmbind.study import Study
from mmbind.training.graph import WindowGraph
from mmbind.training.model import TrainedModel
from mmbind.training.recipe import answers_graph, pseudo_labelled
from mmbind.training.samples import as_recorded, labelled, own_windows
from mmbind.training.student import pseudo_labels, teach
from mmbind.training.trainer import Trainer
from tests.unit.evaluation.studied import write_studied


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return write_studied(tmp_path_factory.mktemp("student"))


def parts(study: Study) -> tuple[Inputs, Samples, Samples]:
    inputs = Inputs(study, 0)
    return inputs, as_recorded(list(inputs.unlabelled.values())), labelled(inputs.target)


def trainer_of(study: Study, **settings: object) -> Trainer:
    inputs, windows, known = parts(study)
    training = study.params.training
    return Trainer(
        training=training.model_copy(update={"student": training.student.model_copy(update=settings)}),
        compute=study.params.compute,
        seed=0,
        modalities=inputs.modalities,
        classes=known.classes,
        seen=[windows, known],
        steps=6,
    )


class Guessing:
    """A teacher that answers the same for every window."""

    def predict(self, samples: Samples) -> np.ndarray:
        return np.tile([0.4, 0.3, 0.3], (len(samples), 1)).astype(np.float32)


def test_labelled_windows_are_certain_and_spread_their_label(study: Study) -> None:
    """A window joined to a labelled one takes its class, however the teacher answers; the others keep theirs."""
    _, windows, known = parts(study)
    first, count = len(windows), len(known)
    runs = [number for number in range(count) if int(known.labels[number]) == 1]
    edges = sparse.csr_array(([1.0, 1.0], ([0, 5], [first + runs[0], first + runs[1]])), shape=(first + count,) * 2)
    graph = WindowGraph([*windows.windows, *known.windows], edges)
    answers = pseudo_labels(Guessing(), windows, known, study.params.training, graph)  # type: ignore[arg-type]
    assert answers[[0, 5]].tolist() == [1, 1]
    assert set(np.delete(answers, [0, 5])) == {0}


def test_with_the_prior_of_the_labels_answers_have_their_shares(study: Study) -> None:
    """Nobody but the prior tells windows apart in kind: a teacher that mostly says one class is held to its share."""
    _, windows, known = parts(study)

    class Leaning:
        """Sure of the first class, a little less so from window to window."""

        def predict(self, samples: Samples) -> np.ndarray:
            doubt = np.linspace(0.01, 0.3, len(samples))
            return np.stack([1 - doubt, doubt * 0.6, doubt * 0.4], axis=1).astype(np.float32)

    def shares(prior: str) -> list[float]:
        training = trainer_of(study, prior=prior).training
        answers = pseudo_labels(Leaning(), windows, known, training, None)  # type: ignore[arg-type]
        return (np.bincount(answers, minlength=3) / len(windows)).tolist()

    assert shares("none") == [1.0, 0.0, 0.0]
    assert shares("labelled")[0] == pytest.approx(float((known.labels == 0).float().mean()), abs=0.15)


def test_a_graph_of_other_windows_is_refused(study: Study) -> None:
    _, windows, known = parts(study)
    graph = WindowGraph(list(windows.windows), sparse.csr_array((len(windows),) * 2))
    with pytest.raises(MmbindError, match="labelled windows"):
        pseudo_labels(Guessing(), windows, known, study.params.training, graph)  # type: ignore[arg-type]


def test_the_graph_holds_the_binding_and_the_neighbours_of_all_windows(study: Study) -> None:
    inputs, windows, known = parts(study)
    stores, trainer = list(inputs.unlabelled.values()), trainer_of(study)
    everyone = pseudo_labelled(windows, inputs.target, own=True)
    assert len(everyone) == len(windows) + len(own_windows(inputs.target))
    graph = answers_graph(trainer, stores, everyone, inputs.pairs, known)
    assert graph.windows == [*everyone.windows, *known.windows]
    bound = WindowGraph.of(graph.windows, inputs.pairs).weights
    more = graph.weights - bound
    assert more.min() >= -1e-12
    assert more[len(windows) :].sum() == pytest.approx(len(inputs.target.ids))  # the target is joined, too
    unbound = trainer.training.propagation.model_copy(update={"binding": False})
    trainer.training = trainer.training.model_copy(update={"propagation": unbound})
    kept = answers_graph(trainer, stores, everyone, inputs.pairs, known).weights
    assert abs(kept - more).max() == pytest.approx(0)  # the neighbours alone
    alone = trainer.training.propagation.neighbours.model_copy(update={"partners": 0})
    spread = trainer.training.propagation.model_copy(update={"neighbours": alone, "binding": True})
    trainer.training = trainer.training.model_copy(update={"propagation": spread})
    assert (answers_graph(trainer, stores, everyone, inputs.pairs, known).weights != bound).nnz == 0


def test_each_student_is_the_teacher_of_the_next_and_the_graph_grows_anew(study: Study) -> None:
    """The second student learns what the first one answers, spread over the graph that the first one gives."""
    _, windows, known = parts(study)
    lonely = WindowGraph([*windows.windows, *known.windows], sparse.csr_array((len(windows) + len(known),) * 2))
    answers: list[list[int]] = []

    def regrow(student: TrainedModel) -> WindowGraph:
        answers.append(student.predict(windows).argmax(axis=1).tolist())
        return lonely

    trainer = trainer_of(study, rounds=3, start="scratch")
    labels: dict[str, list[int]] = {}
    original = trainer.run

    def run(phase: str, samples: Samples, *arguments: Any, **options: Any) -> None:
        labels[phase] = samples.labels.tolist()
        original(phase, samples, *arguments, **options)

    trainer.run = run  # type: ignore[method-assign]
    last = teach(trainer, windows, known, graph=lonely, regrow=regrow)
    assert list(labels) == list(last.losses) == ["teacher", "student", "student_2", "student_3"]
    assert [labels["student_2"], labels["student_3"]] == answers


def test_the_learned_graph_joins_windows_by_the_features_of_the_student(study: Study) -> None:
    inputs, windows, known = parts(study)
    stores, trainer = list(inputs.unlabelled.values()), trainer_of(study)
    spread = trainer.training.propagation.model_copy(update={"learned": 2})
    trainer.training = trainer.training.model_copy(update={"propagation": spread})
    student = trainer.finetune(known)
    graph = answers_graph(trainer, stores, windows, inputs.pairs, known, student)
    more = graph.weights - WindowGraph.of(graph.windows, inputs.pairs).weights
    gyro, present = student.features(windows)["gyro"]
    assert present.tolist() == [number if row >= 0 else -1 for number, row in enumerate(windows.rows["gyro"].tolist())]
    assert not gyro[present < 0].any()
    assert max(np.diff(sparse.csr_array(more[: len(windows)] > 1e-9).indptr)) == 2 * 3  # of each role


def test_the_student_starts_where_it_is_told(study: Study) -> None:
    """Without a step of pre-training both starts are one; after it they differ."""
    _, windows, known = parts(study)
    answers = {}
    for start in ("pretrained", "scratch"):
        for moved in (False, True):
            trainer = trainer_of(study, start=start)
            if moved:
                with torch.no_grad():
                    for parameter in trainer.model.parameters():
                        parameter.mul_(0.5)
            answers[start, moved] = teach(trainer, windows, known, graph=None).predict(known)
    assert np.array_equal(answers["pretrained", False], answers["scratch", False])
    assert not np.array_equal(answers["pretrained", True], answers["scratch", True])
