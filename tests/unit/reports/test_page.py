"""Pages: strict templates, readable numbers."""

from pathlib import Path

import jinja2
import pytest

from mmbind.reports.page import count, decimal, percent, write_page


def test_numbers_are_written_for_readers() -> None:
    assert percent(0.7249, 1) == "72.5 %"
    assert count(1234567) == "1,234,567"
    assert decimal(-0.25, 2) == "\N{MINUS SIGN}0.25"
    assert percent(None) == decimal(None) == "\N{EN DASH}"


def test_a_missing_value_is_an_error_and_leaves_the_old_page(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    with pytest.raises(jinja2.UndefinedError):
        write_page(path, "Title", "binding")
    assert path.read_text() == "old"


def test_titles_are_escaped(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", "<A & B>", "base")
    page = (tmp_path / "page.html").read_text()
    assert "<title>&lt;A &amp; B&gt;</title>" in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
