"""``results.md``: one section per benchmark, each written by its own command."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

from mmbind.files import write_text

#: Where results are kept.
RESULTS = Path(__file__).with_name("results.md")
#: Programs that wanted a core when this one started, as Linux counts them over one minute.
_LOAD = os.getloadavg()[0]
_HEAD = "# Benchmarks\n\nEach section is written by the command that it names; times compare only within a section.\n"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown; columns but the first are set to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def machine() -> str:
    """One line about the machine: cores, memory, system, Python, and how busy others kept it when this began."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{cores} cores ({_cpu()}), {memory:.0f} GiB, {system}; load of others at the start {_LOAD:.1f}."


def write_section(title: str, body: str, path: Path = RESULTS) -> None:
    """Writes a section in the place of the one of the same title; the others stay as they are.

    Args:
        title: its heading, without marks.
        body: Markdown below the heading; no headings of the second level in it.
        path: the file; it is made when missing.
    """
    text = path.read_text(encoding="utf-8") if path.is_file() else _HEAD
    head, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    sections = {part.split("\n", 1)[0].strip(): part.split("\n", 1)[-1].strip() for part in parts}
    sections[title] = body.strip()
    write_text(path, "\n".join([head.strip() + "\n", *(f"## {name}\n\n{text}\n" for name, text in sections.items())]))


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.is_file() else []
    return names[0] if names else platform.machine()
