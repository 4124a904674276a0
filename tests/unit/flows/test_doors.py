"""Doors end with one sentence and the right exit code, whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.doors import walk
from mmbind.study import Study
from tests.support import write_study


@pytest.fixture
def entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_study(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MMBIND_DEBUG", raising=False)
    return tmp_path


def _full(study: Study) -> object:
    raise OSError(28, "No space left on device", str(study.bindings))


def test_a_full_disk_is_one_sentence(
    entered: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as caught:
        walk("bind", _full)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: bind: data/bindings: No space left on device.\n"
    monkeypatch.setenv("MMBIND_DEBUG", "1")
    with pytest.raises(SystemExit):
        walk("bind", _full)
    assert "Traceback" in capsys.readouterr().err


def test_a_params_yaml_in_another_encoding_is_one_sentence(entered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (entered / "params.yaml").write_bytes("house: M\u00fcller\n".encode("latin-1"))
    with pytest.raises(SystemExit) as caught:
        walk("bind", _full)
    assert caught.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("error: bind: params.yaml:1: is not UTF-8: byte 0xfc")
    assert len(told.splitlines()) == 1


def test_of_several_processes_each_says_which_it_is(
    entered: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit):
        walk("train", _full)
    assert capsys.readouterr().err == "error: train, process 1: data/bindings: No space left on device.\n"
