"""Raw files listed, created, walked and named in any order give the same pairs."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbind.files import digest_folder
from mmbind.simulation import write_demo_fleets
from mmbind.study import Study
from mmbind.windows.store import WindowStore
from tests.e2e.support import walk_to_bind
from tests.support import ROOT

pytestmark = pytest.mark.slow

FLEETS = ["fleet_a", "fleet_b", "fleet_c"]
PEOPLE = {"fleet_a": 3, "fleet_b": 3, "fleet_c": 2}
#: Files below folders of any name; what is named counts from the person's folder on.
GLOBS = {"fleet_a": "**/*.csv", "fleet_b": "**/*.jsonl", "fleet_c": "**/*.parquet"}
FEW = settings(deadline=None, max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Raw logs of three small fleets."""
    root = tmp_path_factory.mktemp("raw")
    write_demo_fleets(root, people=PEOPLE, minutes=dict.fromkeys(PEOPLE, 1.5))
    return root


def study_in(root: Path, *, joined: bool, names: list[str]) -> Study:
    """The demo with few people and an encoder without training; sources and roles in the order of the names."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section in ("rotations", "protocol"):
        params.pop(section, None)
    sources: dict[str, Any] = {name: params["sources"][name] for name in names}
    for name, source in sources.items():
        source.pop("files")
        source |= {"join": dict.fromkeys(source["modalities"], GLOBS[name])} if joined else {"files": GLOBS[name]}
    every = ["acc", "gyro", "mag"]
    roles: dict[str, Any] = {
        "fleet_a": {"A": {"sources": ["fleet_a"], "modalities": ["acc", "gyro"]}},
        "fleet_b": {"B": {"sources": ["fleet_b"], "modalities": ["acc", "mag"]}},
        "fleet_c": {
            "target": {"sources": ["fleet_c"], "subjects": ["c01"], "modalities": every, "labels": {"count": 4}},
            "test": {"sources": ["fleet_c"], "subjects": ["c02"], "modalities": every},
        },
    }
    ordered = {role: told for name in names for role, told in roles[name].items()}
    values = {**params, "house": str(ROOT), "sources": sources, "roles": ordered}
    values["shared"] = {"modality": "acc", "encoder": "statistics"}
    root.mkdir()
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    return Study.load(root)


def walk(
    study: Study, raw: Path, names: list[str], chance: np.random.Generator | None, *, renamed: bool = False
) -> None:
    """Lands the raw files in an order of chance, renamed where asked for, and goes down to the pairs."""
    files = sorted(path for path in raw.rglob("*") if path.is_file())
    places = list(range(len(files)))
    if chance is not None:
        chance.shuffle(places)
    for place in places:
        source, *rest = files[place].relative_to(raw).parts
        within = [f"{places.index(place):03d} of a box", *rest] if renamed else rest
        target = study.raw(source).joinpath(*within)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files[place], target)
    walk_to_bind(study, names)


def shuffled(chance: np.random.Generator) -> Callable[[Path], AbstractContextManager[list[os.DirEntry[str]]]]:
    """``os.scandir`` whose entries come in an order of chance."""

    def scan(path: Path) -> AbstractContextManager[list[os.DirEntry[str]]]:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        return nullcontext([entries[place] for place in chance.permutation(len(entries))])

    return scan


def contents(study: Study) -> dict[str, str]:
    """What every window of the bound roles holds, by id: source, person, and the acceleration itself."""
    told = {}
    for role in study.params.unlabelled_roles:
        store = WindowStore.open(study.role(role), stage="assign")
        signals = store.gather("acc", np.arange(len(store)))
        for fact, signal in zip(store.index.select("window", "source", "subject").iter_rows(), signals, strict=True):
            told[fact[0]] = f"{fact[1]} {fact[2]} {hashlib.sha256(signal.tobytes()).hexdigest()}"
    assert len(set(told.values())) == len(told)
    return told


def by_content(study: Study) -> pl.DataFrame:
    """The pairs, by what their windows hold."""
    told = contents(study)
    pairs = pl.read_parquet(study.bindings / "pairs.parquet")
    named = pairs.with_columns(pl.col("anchor", "partner").replace_strict(told))
    return named.sort("anchor", "borrowed_modality", "rank")


@pytest.fixture(scope="module", params=[False, True], ids=["files", "joined"])
def plain(request: pytest.FixtureRequest, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, bool]:
    """Bound with files as they come, and whether recordings are joined by what their names say."""
    study = study_in(tmp_path_factory.mktemp("plain") / "study", joined=request.param, names=FLEETS)
    walk(study, raw, FLEETS, None)
    assert pl.read_parquet(study.bindings / "pairs.parquet").height > 200
    return study, request.param


@FEW
@given(names=st.permutations(FLEETS), seed=st.integers(0, 1000))
def test_files_listed_created_and_walked_in_any_order(
    plain: tuple[Study, bool], raw: Path, tmp_path_factory: pytest.TempPathFactory, names: list[str], seed: int
) -> None:
    """The same bytes."""
    chance = np.random.default_rng(seed)
    study = study_in(tmp_path_factory.mktemp("order") / "study", joined=plain[1], names=names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmbind.sources.discover.os", SimpleNamespace(scandir=shuffled(chance)))
        walk(study, raw, names, chance)
    assert digest_folder(study.bindings) == digest_folder(plain[0].bindings)


@FEW
@given(seed=st.integers(0, 1000))
def test_files_renamed_into_any_order(
    plain: tuple[Study, bool], raw: Path, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Ids come of the path, or, of joined recordings, of what it says: the same pairs, or the same bytes."""
    before, joined = plain
    study = study_in(tmp_path_factory.mktemp("renamed") / "study", joined=joined, names=FLEETS)
    walk(study, raw, FLEETS, np.random.default_rng(seed), renamed=True)
    if joined:
        assert digest_folder(study.bindings) == digest_folder(before.bindings)
        return
    one, other = by_content(before), by_content(study)
    told = ["anchor", "partner", "borrowed_modality", "rank", "mutual"]
    assert one.select(told).equals(other.select(told))
    assert set(contents(before)) != set(contents(study))
    for figure in ("similarity", "score", "weight"):
        np.testing.assert_allclose(one[figure].to_numpy(), other[figure].to_numpy(), atol=1e-9)
