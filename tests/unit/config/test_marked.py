"""A params.yaml that cannot be read is refused in one sentence, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmbind.config import load_params
from mmbind.config.marked import read_yaml
from mmbind.errors import EXIT_INPUT, ConfigError
from tests.support import write_study


def _refused(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_params(path)
    assert caught.value.exit_code == EXIT_INPUT
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            "house: .\n# M\u00fcller\n".encode("latin-1"),
            2,
            r"is not UTF-8: byte 0xfc at position 12\. Save it as UTF-8",
        ),
        ("house: .\n".encode("utf-16"), 1, "is not UTF-8: byte 0xff"),
        (b"house: .\nroles: \x00\n", 2, r"the character U\+0000 is not allowed"),
        (b"house: .\nroles: {\n", 3, "is not YAML"),
        (b"house: .\nroles: }\n", 2, "is not YAML"),
        (b"house: 2024-13-45\n", None, "is not YAML: month must be in 1..12"),
        (b"", None, "must be a mapping"),
        (b"- house\n", None, "must be a mapping"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(tmp_path: Path, text: bytes, line: int | None, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text)
    error = _refused(path)
    assert error.line == line
    assert error.args[0].startswith(f"{path}:{line}: " if line else f"{path}: ")
    with pytest.raises(ConfigError, match=message):
        raise error


def test_a_missing_file_names_the_next_step(tmp_path: Path) -> None:
    assert "mmbind init DIR" in str(_refused(tmp_path / "params.yaml"))


def test_a_section_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = write_study(tmp_path).root / "params.yaml"
    text = path.read_text() + "report: {drawn_pairs: 4}\n"
    path.write_text(text)
    first, second = (n for n, line in enumerate(text.splitlines(), 1) if line.startswith("report:"))
    error = _refused(path)
    assert error.line == second
    assert f"'report' stands twice; the first is in line {first}." in str(error)


def test_keys_below_a_list_must_differ_too(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("rotations:\n  - name: r0\n    subjects: {}\n    name: r1\n")
    assert _refused(path).line == 4


def test_aliases_and_equal_keys_elsewhere_are_no_repetition(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("a: &clock {kind: timestamp}\nb: *clock\nc: {kind: batch, 1: x, '1': y}\nd: &loop [*loop]\n")
    assert read_yaml(path).value["b"] == {"kind": "timestamp"}
