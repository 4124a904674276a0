"""The digest of mmbind's own code changes exactly when the named code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmbind import files
from mmbind.files import digest_code


def test_it_changes_exactly_with_the_named_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("room/a.py", "room/inner/b.py", "other/c.py", "d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(files, "PACKAGE", tmp_path)
    every = ((), ("room",), ("room", "d.py"), ("other",))
    before = [digest_code(*parts) for parts in every]
    assert len(set(before)) == 4
    assert digest_code("d.py", "room", "room/a.py") == before[2]

    def changed() -> list[bool]:
        return [digest_code(*parts) != digest for parts, digest in zip(every, before, strict=True)]

    (tmp_path / "room" / "__pycache__").mkdir()
    (tmp_path / "room" / "__pycache__" / "a.pyc").write_text("")
    assert changed() == [False, False, False, False]
    (tmp_path / "d.py").write_text("new")
    assert changed() == [True, False, True, False]
    (tmp_path / "d.py").write_text("d.py")
    (tmp_path / "room" / "inner" / "b.py").rename(tmp_path / "room" / "b.py")
    assert changed() == [True, True, True, False]


def test_comments_docstrings_and_layout_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PACKAGE", tmp_path)
    module = tmp_path / "a.py"

    def digest(text: str) -> str:
        module.write_text(text)
        return digest_code("a.py")

    before = digest('"""Doc."""\n\ndef double(x):\n    """Twice."""\n    return 2 * x\n')
    assert digest("# said otherwise\ndef double(x):\n    return (2 *\n        x)  # twice\n") == before
    assert digest("def double(x):\n    return 3 * x\n") != before
    assert digest('def double(x):\n    return "a text that counts"\n') != before
    (tmp_path / "b.json").write_text("1")
    one = digest_code("b.json")
    (tmp_path / "b.json").write_text("1 ")
    assert digest_code("b.json") != one


def test_a_part_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        digest_code("no_such_room")
