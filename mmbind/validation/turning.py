"""Turning: does the gyroscope tell of the turns that gravity, or the field, shows?

Over two seconds of motion a person's acceleration averages out, and what is left is gravity.
Turned back by the gyroscope into the axes of the window's beginning, the mean of the first
second and that of the second must be the same vector. How much of their difference the
gyroscope takes away is the *agreement*: near 1 for sound records, near 0 or below where an
axis is swapped or points the wrong way, or the unit or the rate is wrong. The other 47 ways
to name the gyroscope's axes and a range of factors are tried as well, which tells axes from
units. The rule is the kinematics of a rotating frame, dv/dt = -w x v for a fixed vector v
(e.g. Titterton and Weston, "Strapdown Inertial Navigation Technology", 2004, chapter 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from mmbind.progress import progress
from mmbind.units import GRAVITY
from mmbind.validation.pieces import channels_in

#: Readings are averaged over so long, in nanoseconds.
BIN_NS = 100_000_000
#: Bins of a window (2 s), and from one window to the next.
BINS, HOP = 20, 5
#: A window counts when the directions of its halves differ by this (length of the difference, squared).
TURNED = 0.1
#: And, for acceleration, when both halves' means are gravity but for this share.
NEAR_GRAVITY = 0.2
#: Windows that turn most are taken: so many of a recording, and so many of a modality for other axes and factors.
PER_RECORDING, TRIED = 8, 512
#: Factors tried, four to the octave.
FACTORS = np.exp2(np.arange(-28, 29) / 4)
#: A factor is told when the turns would agree so well with it; else the axes are wrong, or nothing fits.
EXPLAINED = 0.8
#: Figures of a file and of a modality.
BY_FILE = ("turning_windows", "turning_agreement")
BY_MODALITY = (*BY_FILE, "turning_margin", "turning_scale")

Array = npt.NDArray[np.float64]


def _axes() -> Array:
    """All 48 ways to name and point three axes, (48, 3, 3); the first is as they are."""
    ways = []
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        way = np.zeros((3, 3))
        way[np.arange(3), order] = signs
        ways.append(way)
    return np.array(ways)


AXES = _axes()


@dataclass(frozen=True)
class Turning:
    """How well a vector's turns agree with a gyroscope's.

    Attributes:
        files: one row per file: file and ``BY_FILE``.
        figures: ``BY_MODALITY`` of all files together. ``turning_windows`` with a turn,
            ``turning_agreement``, ``turning_margin`` over the best other naming of the axes,
            and ``turning_scale``, the factor by which the gyroscope would agree best; None
            where no factor makes it agree.
    """

    files: pl.DataFrame
    figures: Mapping[str, float | None]

    @property
    def agreement(self) -> float:
        """How much of the vector's turns the gyroscope takes away, over all files."""
        return self.figures["turning_agreement"] or 0.0


def turning(records: Path, vector: str, gyroscope: str, files: pl.DataFrame, *, gravity: bool) -> Turning | None:
    """Compares a vector's turns with a gyroscope's, shard by shard.

    Args:
        records: folder of a source's records; a recording's readings lie in the shards of
            the same name.
        vector: a modality of three axes that shows gravity or the magnetic field.
        gyroscope: a modality of three axes in rad/s.
        files: recording, file; of the vector.
        gravity: whether the vector is an acceleration in m/s2.

    Returns:
        The agreement; None when no window turns.
    """
    found = []
    for shard in progress(sorted((records / vector).glob("*.parquet")), f"validate {vector}, {gyroscope}: shards"):
        other = records / gyroscope / shard.name
        if other.is_file():
            found.append(_turning_windows(_binned(shard), _binned(other), gravity=gravity))
    recordings = [recording for names, _, _ in found for recording in names]
    if not recordings:
        return None
    vectors, rates = (np.concatenate([part[which] for part in found]) for which in (1, 2))
    before = _difference(_halves(vectors, np.zeros_like(rates)))
    after = _difference(_halves(vectors, rates))
    by_file = (
        pl.DataFrame({"recording": recordings, "before": before, "after": after})
        .join(files, on="recording", maintain_order="left")
        .group_by("file", maintain_order=True)
        .agg(pl.len().alias("turning_windows"), pl.col("before", "after").sum())
        .with_columns(turning_agreement=1 - pl.col("after") / pl.col("before"))
    )
    chosen = np.linspace(0, len(vectors) - 1, min(TRIED, len(vectors))).astype(np.int64)
    tried, total = (vectors[chosen], rates[chosen]), before[chosen].sum()
    named = np.array([_difference(_halves(tried[0], tried[1] @ way.T)).sum() for way in AXES])
    scaled = np.array([_difference(_halves(tried[0], tried[1] * factor)).sum() for factor in FACTORS])
    figures: dict[str, float | None] = {
        "turning_windows": len(vectors),
        "turning_agreement": float(1 - after.sum() / before.sum()),
        "turning_margin": float((named[1:].min() - named[0]) / total),
        "turning_scale": _least(scaled) if scaled.min() <= (1 - EXPLAINED) * total else None,
    }
    return Turning(by_file.select("file", *BY_FILE).sort("file"), figures)


def _binned(shard: Path) -> pl.DataFrame:
    """Means over ``BIN_NS``: recording, bin, 0, 1, 2; added up as integers, so that no order of threads shows."""
    channels = channels_in(shard)
    sums = [(pl.col(name).cast(pl.Float64) * 1e6).round().cast(pl.Int64, strict=False).sum() for name in channels]
    means = [(total / (1e6 * pl.len())).alias(str(axis)) for axis, total in enumerate(sums)]
    scan = pl.scan_parquet(shard, glob=False).group_by("recording", bin=pl.col("t_ns") // BIN_NS).agg(means)
    return scan.sort("recording", "bin").collect(engine="streaming")


def _turning_windows(
    vector: pl.DataFrame, gyroscope: pl.DataFrame, *, gravity: bool
) -> tuple[Sequence[str], Array, Array]:
    """The windows of a shard that turn most: recordings, vectors (n, BINS, 3), rates of turn (n, BINS, 3)."""
    both = vector.join(gyroscope, on=["recording", "bin"], suffix="_turn").sort("recording", "bin")
    values, rates = both.select("0", "1", "2").to_numpy(), both.select("0_turn", "1_turn", "2_turn").to_numpy()
    owner, bins = both["recording"].rle_id().to_numpy(), both["bin"].to_numpy()
    starts = np.arange(0, max(both.height - BINS + 1, 0), HOP)
    last = starts + BINS - 1
    starts = starts[(owner[starts] == owner[last]) & (bins[last] - bins[starts] == BINS - 1)]
    sums = np.cumsum(np.vstack([np.zeros((1, 3)), values]), axis=0)
    middle = starts + BINS // 2
    halves = np.stack([sums[middle] - sums[starts], sums[starts + BINS] - sums[middle]], axis=1)
    lengths = np.linalg.norm(halves, axis=2) / (BINS // 2)
    usable = (lengths > 0).all(axis=1)
    if gravity:
        usable = (np.abs(lengths - GRAVITY) < NEAR_GRAVITY * GRAVITY).all(axis=1)
    turned = np.zeros(len(starts))
    turned[usable] = _difference(halves[usable])
    starts, turned = starts[turned > TURNED], turned[turned > TURNED]
    order = np.lexsort((starts, -turned, owner[starts]))
    starts, mine = starts[order], owner[starts[order]]
    rank = np.arange(len(mine)) - np.searchsorted(mine, mine)
    starts = np.sort(starts[rank < PER_RECORDING])
    within = starts[:, None] + np.arange(BINS)
    return both["recording"].gather(starts).to_list(), values[within], rates[within]


def _halves(vectors: Array, rates: Array) -> Array:
    """Sums of the first and the second half in the axes of the window's beginning, (n, 2, 3)."""
    turn, halves = np.broadcast_to(np.eye(3), (len(vectors), 3, 3)), np.zeros((len(vectors), 2, 3))
    steps = _rotations(rates * (BIN_NS / 1e9))
    for step in range(BINS):
        halves[:, step * 2 // BINS] += np.einsum("nij,nj->ni", turn, vectors[:, step])
        turn = turn @ steps[:, step]
    return halves


def _rotations(angles: Array) -> Array:
    """Rotation matrices (n, steps, 3, 3) of rotation vectors (n, steps, 3) in rad, by Rodrigues' formula."""
    size = np.linalg.norm(angles, axis=-1)
    x, y, z = np.moveaxis(angles / np.maximum(size, 1e-12)[..., None], -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    sine, cosine = np.sin(size)[..., None, None], np.cos(size)[..., None, None]
    turns: Array = np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)
    return turns


def _difference(halves: Array) -> Array:
    """Squared difference of the directions of two halves (n, 2, 3)."""
    directions: Array = halves / np.linalg.norm(halves, axis=2, keepdims=True)
    apart: Array = ((directions[:, 0] - directions[:, 1]) ** 2).sum(axis=1)
    return apart


def _least(differences: Array) -> float:
    """The factor of the least difference, between the factors tried (a parabola through three)."""
    best = int(differences.argmin())
    if 0 < best < len(FACTORS) - 1:
        left, here, right = differences[best - 1 : best + 2]
        offset = 0.5 * (left - right) / (left - 2 * here + right)
        return float(FACTORS[best] * np.exp2(offset / 4))
    return float(FACTORS[best])
