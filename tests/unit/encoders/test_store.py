from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbind.encoders.store import EmbeddingStore, write_embeddings
from mmbind.errors import InputError, MissingStageError

MANIFEST = {"encoder": "e", "modality": "acc", "role": "A", "role_index": "i", "counts": {}}


def some_vectors(count: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 5))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def write(folder: Path, windows: list[str], vectors: np.ndarray, batch: int = 3) -> EmbeddingStore:
    folder.mkdir(parents=True, exist_ok=True)
    batches = (vectors[start : start + batch] for start in range(0, len(vectors), batch))
    write_embeddings(folder, windows, batches, 5, MANIFEST)
    return EmbeddingStore.open(folder)


@given(count=st.integers(0, 20), batch=st.integers(1, 7))
@settings(deadline=None, max_examples=15)
def test_reads_what_was_written_in_any_batches(count: int, batch: int) -> None:
    windows, vectors = [f"w{i:02d}" for i in range(count)], some_vectors(count)
    with TemporaryDirectory() as folder:
        store = write(Path(folder), windows, vectors, batch)
        assert store.ids == windows
        assert store.vectors.tobytes() == vectors.tobytes()
        assert (len(store), store.manifest["dimensions"]) == (count, 5)
        store.check()


def test_vectors_are_memory_mapped(tmp_path: Path) -> None:
    assert isinstance(write(tmp_path, ["a", "b"], some_vectors(2)).vectors, np.memmap)


def test_row_order_changes_neither_content_nor_digest(tmp_path: Path) -> None:
    vectors = some_vectors(6)
    straight = write(tmp_path / "a", list("abcdef"), vectors)
    other = write(tmp_path / "b", list("abcdef"), vectors)
    np.save(tmp_path / "b" / "vectors.npy", vectors[::-1])
    pl.DataFrame({"window": list("fedcba"), "row": range(6)}).write_parquet(tmp_path / "b" / "index.parquet")
    other = EmbeddingStore.open(tmp_path / "b")
    assert other.ids == straight.ids
    assert other.vectors.tobytes() == straight.vectors.tobytes()
    assert other.content_digest() == straight.content_digest()


def test_digest_tells_ids_and_vectors_apart(tmp_path: Path) -> None:
    digests = {
        write(tmp_path / "1", ["a", "b"], some_vectors(2)).content_digest(),
        write(tmp_path / "2", ["a", "c"], some_vectors(2)).content_digest(),
        write(tmp_path / "3", ["a", "b"], some_vectors(2, seed=1)).content_digest(),
    }
    assert len(digests) == 3


@pytest.mark.parametrize(("value", "message"), [(0.0, "is zero"), (np.nan, "holds NaN"), (3.0, "has not length 1")])
def test_refuses_vectors_that_have_not_length_1(tmp_path: Path, value: float, message: str) -> None:
    vectors = some_vectors(5)
    vectors[3] = value
    with pytest.raises(InputError, match=f"window 'd' {message}"):
        write(tmp_path, list("abcde"), vectors, batch=2)


def test_names_the_stage_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError, match="embed"):
        EmbeddingStore.open(tmp_path)
