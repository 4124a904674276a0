from pathlib import Path

import pytest

from mmbind.study import Study
from tests.unit.inference.trained import trained_study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    root: Path = tmp_path_factory.mktemp("inference") / "study"
    return trained_study(root)
