"""A study: one folder with its parameters and everything that leaves the rooms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from mmbind.config import Params, Role, load_params
from mmbind.config.params import PARAMS_FILE


@dataclass(frozen=True)
class Study:
    """Paths and parameters of a study.

    Attributes:
        root: the study's folder.
        params: its parameters.
        data: where roles and all that follows lie; ``root/data`` but for rotations of the
            proof, which share the records and windows of ``root/data``.
    """

    root: Path
    params: Params
    data: Path

    @classmethod
    def load(cls, root: Path | str = ".") -> Self:
        """Opens the study in a folder.

        Raises:
            ConfigError: when ``params.yaml`` is missing or wrong.
        """
        folder = Path(root)
        return cls(root=folder, params=load_params(folder / PARAMS_FILE), data=folder / "data")

    def rotated(self, roles: dict[str, Role], data: Path) -> Self:
        """The same study with other roles, whose outputs lie elsewhere."""
        return replace(self, params=self.params.model_copy(update={"roles": roles}), data=data)

    @property
    def house(self) -> Path:
        """The folder that holds ``expectations/``."""
        return self.root / self.params.house

    @property
    def suites(self) -> Path:
        """The folder of the validation suites."""
        return self.house / "expectations"

    def raw(self, source: str) -> Path:
        """Raw files of a source, as landed."""
        return self.root / "data" / "raw" / source

    def records(self, source: str) -> Path:
        """Records of a source (ingest)."""
        return self.root / "data" / "records" / source

    def validation(self, source: str) -> Path:
        """Judgement of a source (validate), a JSON file."""
        return self.root / "data" / "validation" / f"{source}.json"

    def fingerprints(self, source: str) -> Path:
        """Fingerprints of a source's recordings by content (validate), a Parquet file."""
        return self.root / "data" / "validation" / f"{source}.parquet"

    def windows(self, source: str) -> Path:
        """Window store of a source (window)."""
        return self.root / "data" / "windows" / source

    def role(self, name: str) -> Path:
        """Window store of a role (assign): only what the role may show."""
        return self.data / "roles" / name

    def truth(self, name: str) -> Path:
        """Window store of what a role must not show: labels and masked modalities."""
        return self.data / "truth" / name

    def model(self, name: str, space: str = "") -> Path:
        """A trained model: ``shared`` (of a space, where the study has several) or ``multimodal``."""
        return self.data / "models" / name / space

    def embeddings(self, role: str, space: str = "") -> Path:
        """Shared-modality embeddings of a role (embed), in a space where the study has several."""
        return self.data / "embeddings" / role / space

    @property
    def bindings(self) -> Path:
        """``pairs.parquet`` and ``manifest.json`` (bind)."""
        return self.data / "bindings"

    def report(self, name: str) -> Path:
        """An HTML report: ``binding`` or ``evaluation``."""
        return self.data / "reports" / f"{name}.html"

    def metrics(self, name: str) -> Path:
        """A metrics file: ``binding``, ``train`` or ``evaluation``."""
        return self.data / "metrics" / f"{name}.json"

    def plots(self, name: str) -> Path:
        """Data of a DVC plot, a CSV file."""
        return self.data / "plots" / f"{name}.csv"

    def work(self, digest: str) -> Path:
        """Checkpoints of one piece of work, outside DVC's outs."""
        return self.root / "data" / ".work" / digest
