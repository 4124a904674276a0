"""Pose: does a file's gravity point where it does in the other files of the same device and place?

A device worn in one way, a watch or a belt, shows gravity along nearly the same axes in every
file. A file whose axes were swapped, or whose device was turned, stands out; this needs no
gyroscope. Where devices are worn in many ways, nothing is said.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from mmbind.validation.pieces import channels_in

#: Recordings that a group needs, and the share of them that must point within so many degrees of the usual direction.
FEWEST, AGREEING, WITHIN = 10, 0.9, 30


def poses(records: Path, modality: str, recordings: pl.DataFrame) -> pl.DataFrame:
    """Compares the direction of gravity of every recording with its group's.

    Args:
        records: folder of a source's records.
        modality: an acceleration or a direction of gravity, three axes.
        recordings: recording, file, device and placement.

    Returns:
        file and pose_angle, the angle in degrees between a file's median direction and that of
        its device and placement; a file of several recordings has the greatest. Groups that
        are small or worn in many ways are left out.
    """
    shards = sorted((records / modality).glob("*.parquet"))
    if not shards:
        return pl.DataFrame(schema={"file": pl.String, "pose_angle": pl.Float64})
    channels = channels_in(shards[0])
    medians = pl.scan_parquet(shards, glob=False).group_by("recording").agg(pl.col(channels).median())
    known = medians.collect(engine="streaming").join(recordings, on="recording").sort("recording")
    parts = [pl.DataFrame(schema={"file": pl.String, "pose_angle": pl.Float64})]
    for group in known.partition_by("device", "placement", maintain_order=True):
        vectors = group.select(channels).to_numpy().astype(np.float64)
        length = np.linalg.norm(vectors, axis=1)
        usable = length > 0
        directions = vectors[usable] / length[usable, None]
        usual = np.median(directions, axis=0) if len(directions) >= FEWEST else np.zeros(3)
        angle = np.degrees(np.arccos(np.clip(directions @ usual / (np.linalg.norm(usual) + 1e-9), -1, 1)))
        if np.count_nonzero(angle <= WITHIN) >= AGREEING * len(angle):
            parts.append(group.filter(pl.Series(usable)).select("file", pose_angle=pl.Series(angle)))
    return pl.concat(parts).group_by("file").agg(pl.col("pose_angle").max()).sort("file")
