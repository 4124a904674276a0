"""The quarantine as a tool: what was set aside and why, and releasing what is good after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import polars as pl

from mmbind.config import DelimitedReader, JsonlReader, Source, TimestampClock
from mmbind.errors import DataError, InputError, MissingStageError, nearest
from mmbind.files import read_json, sha256_file
from mmbind.sources.releases import FILE, PLACED, Release, Releases
from mmbind.sources.rules import DUPLICATE_TIME
from mmbind.study import Study

#: Why readings of other rules cannot simply go where their time puts them.
_REFUSED = {
    DUPLICATE_TIME: "two readings cannot have one time",
    "bad_time": "it has no time to be put at",
    "not_finite": "it has a value that is no finite number",
    "out_of_range": "it has a value that records cannot hold",
    "broken_line": "the line cannot be taken apart into numbers",
}


@dataclass(frozen=True)
class Quarantine:
    """The quarantine of a source, as the last ingest left it.

    Attributes:
        study: the study.
        source: the source's name.
        rows: the table ``QUARANTINE``, in order of file and line.
        manifest: the records' manifest.
    """

    study: Study
    source: str
    rows: pl.DataFrame
    manifest: dict[str, Any]

    @classmethod
    def of(cls, study: Study, source: str) -> Self:
        """Opens a source's quarantine.

        Raises:
            InputError: for an unknown source.
            MissingStageError: before the source was ingested.
        """
        if source not in study.params.sources:
            raise InputError(f"Unknown source {source!r}.", hint=nearest(source, study.params.sources))
        path = study.records(source) / "quarantine.parquet"
        if not path.is_file():
            raise MissingStageError(path, f"ingest@{source}")
        manifest = read_json(study.records(source) / "manifest.json")
        return cls(study, source, pl.read_parquet(path, glob=False), manifest)

    @property
    def config(self) -> Source:
        """The source's configuration."""
        return self.study.params.sources[self.source]

    @cached_property
    def read(self) -> dict[str, int]:
        """Readings that were read, by modality."""
        read: dict[str, int] = {}
        for entry in self.manifest["files"].values():
            for name, counts in entry["modalities"].items():
                read[name] = read.get(name, 0) + counts["read"]
        return read

    def counts(self) -> pl.DataFrame:
        """Per rule and modality: rows, share (of the modality's readings, null for whole files), files, example."""
        totals = pl.DataFrame(
            {"modality": list(self.read), "read": list(self.read.values())},
            schema_overrides={"modality": pl.String, "read": pl.Int64},
        )
        line = pl.col("line").cast(pl.String)
        place = pl.concat_str(pl.col("file"), pl.when(line.is_null()).then(pl.lit("")).otherwise(pl.lit(":") + line))
        found = self.rows.group_by("rule", "modality", maintain_order=True).agg(
            rows=pl.len(), files=pl.col("file").n_unique(), example=place.first(), reason=pl.col("reason").first()
        )
        shared = found.join(totals, on="modality", how="left").with_columns(share=pl.col("rows") / pl.col("read"))
        return shared.sort("rule", "modality", nulls_last=True).select(
            "rule", "modality", "rows", "share", "files", "example", "reason"
        )

    def find(
        self,
        *,
        rule: str | None = None,
        file: str | None = None,
        line: int | None = None,
        modality: str | None = None,
    ) -> pl.DataFrame:
        """Rows that fit all that is given.

        Raises:
            InputError: for a rule, file or modality that no row has, with the nearest one.
        """
        rows = self.rows
        for column, wanted in (("rule", rule), ("file", file), ("modality", modality), ("line", line)):
            if wanted is None:
                continue
            mine = rows.filter(pl.col(column) == wanted)
            if not mine.height:
                known = [str(value) for value in rows[column].drop_nulls().unique().sort().head(1000)]
                hint = nearest(str(wanted), known) if len(known) <= 20 else f"{len(known)} others are there."
                raise InputError(f"No row of the quarantine of {self.source!r} has the {column} {wanted!r}.", hint=hint)
            rows = mine
        return rows

    def releases(self, rows: pl.DataFrame, *, text: str | None = None, why: str = "") -> list[Release]:
        """Makes releases of rows.

        Args:
            rows: some of ``rows``.
            text: what their line (one line of one file) is to be read as; None: they go where
                their time puts them.
            why: a few words for the record.

        Raises:
            InputError: when a row cannot be released, with the reason.
            DataError: when a file changed since it was ingested.
        """
        places = rows.select("file", "line", "rule").unique(maintain_order=True)
        if text is not None:
            self._check_text(places, text)
        found = []
        for file, line, rule in places.iter_rows():
            mine = rows.filter((pl.col("file") == file) & (pl.col("line") == line) & (pl.col("rule") == rule))
            names = sorted(mine["modality"].drop_nulls().unique())
            if text is None:
                self._check_placed(file, line, rule, names)
            found.append(
                Release(file, int(line), rule, self._digest(file), tuple(names) if text is None else (), text, why)
            )
        return found

    def _check_placed(self, file: str, line: int | None, rule: str, names: Sequence[str]) -> None:
        place = file if line is None else f"{file}:{line}"
        if line is None:
            raise InputError(
                f"{place} was set aside as a whole ({rule}); it has no reading to release.",
                hint=f"Repair the file or sources.{self.source} in params.yaml.",
            )
        if rule not in PLACED:
            reason = _REFUSED.get(rule, "only readings that were set aside for their time alone can be kept")
            raise InputError(
                f"{place} cannot be released as it is ({rule}): {reason}.",
                hint="Say what the line should be: --line N --as TEXT." if self._has_lines else "",
            )
        for name in names:
            clock = self.config.modalities[name].clock
            if isinstance(clock, TimestampClock) and clock.backward == "split":
                raise InputError(
                    f"{place} cannot be released: the clock of {name} may be set back (backward: split), so a time "
                    "has no one place."
                )

    def _check_text(self, places: pl.DataFrame, text: str) -> None:
        if not self._has_lines:
            raise InputError(f"--as corrects a line of text; files of {self.source!r} have none.")
        if places.height != 1 or places["line"][0] is None:
            raise InputError("--as corrects one line of one file.", hint="Name it: --file FILE --line N.")
        if not text.strip() or "\n" in text or "\r" in text:
            raise InputError("--as must be the text of one line.")

    @property
    def _has_lines(self) -> bool:
        return isinstance(self.config.reader, DelimitedReader | JsonlReader)

    def _digest(self, file: str) -> str:
        known = str(self.manifest["files"][file]["sha256"])
        path = self.study.raw(self.source) / file
        if not path.is_file() or sha256_file(path) != known:
            raise DataError(
                "is not the file that was ingested.", path=path, hint=f"Ingest it first: mmbind ingest {self.source}"
            )
        return known


def release(study: Study, source: str, releases: Sequence[Release]) -> int:
    """Writes releases into the study's ``releases.json``; returns how many the source has now."""
    more = Releases.of(study.root).add(source, releases)
    more.save()
    return len(more.by_source[source])


def undo(study: Study, source: str, *, rule: str | None, file: str | None, line: int | None) -> int:
    """Takes releases that fit all that is given out of ``releases.json`` again; returns how many.

    Raises:
        InputError: when none fits.
    """
    known = Releases.of(study.root)
    mine = [
        each
        for each in known.by_source.get(source, [])
        if rule in (None, each.rule) and file in (None, each.file) and line in (None, each.line)
    ]
    if not mine:
        raise InputError(f"{FILE} holds no such release of {source!r}.")
    known.drop(source, mine).save()
    return len(mine)


def shown(raw: bytes) -> str:
    """Raw text for a terminal: what is not UTF-8, or no printable character, is escaped."""
    text = raw.decode("utf-8", errors="backslashreplace")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
