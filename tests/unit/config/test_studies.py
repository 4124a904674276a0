"""Every study of the repository can be loaded, and has all that its stages depend on."""

from pathlib import Path

import pytest

from mmbind.config import load_params
from tests.support import ROOT

STUDIES = sorted((ROOT / "studies").glob("*/params.yaml"))


@pytest.mark.parametrize("path", [ROOT / "params.yaml", *STUDIES], ids=lambda path: path.parent.name)
def test_a_study_is_whole(path: Path) -> None:
    load_params(path)
    folder = path.parent
    assert (folder / "dvc.yaml").samefile(ROOT / "dvc.yaml")
    assert {file.name for file in folder.glob("*.json")} >= {"releases.json", "versions.json"}
    for room in ("", "raw", "records", "validation", "windows"):
        assert (folder / "data" / room / ".gitignore").is_file()


def test_every_real_data_set_has_its_page() -> None:
    """Each archive that a study names is told of in docs/sources."""
    archives = {archive.file for path in STUDIES for archive in load_params(path).archives.values()}
    assert archives
    for file in archives:
        page = ROOT / "docs" / "sources" / f"{file.removesuffix('.tar.xz')}.md"
        assert "**Traps.**" in page.read_text()
