"""``mmbind init``: a study outside mmbind's own repository.

Its ``dvc.yaml`` is the same pipeline text, with one difference: stages depend on the file
``mmbind.version`` where mmbind's own studies depend on the code.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from mmbind import __version__
from mmbind.errors import InputError
from mmbind.files import PACKAGE, digest_code, write_text

_CODE = re.compile(r"^(?P<indent>\s*- )\$\{house\}/mmbind/\S+$")
#: Files of a new study by path: what git must not keep, and names of versions and releases, none yet.
STARTERS = {
    ".gitignore": "inbox/\nprefect-home/\n.mmbind*\n",
    ".dvcignore": ".gitignore\n",
    "data/.gitignore": "/*\n!.gitignore\n!/raw/\n!/records/\n!/validation/\n!/windows/\n!/metrics/\n!/plots/\n",
    "data/raw/.gitignore": "/*\n!.gitignore\n!*.dvc\n",
    "data/records/.gitignore": "/*\n!.gitignore\n",
    "data/validation/.gitignore": "/*\n!.gitignore\n",
    "data/windows/.gitignore": "/*\n!.gitignore\n",
    "releases.json": "{}\n",
    "versions.json": '{\n  "accepted": null,\n  "tags": {}\n}\n',
}


def write_study(folder: Path) -> list[str]:
    """Writes a new study, or renews mmbind's part of an old one.

    The user's own files (``params.yaml``, the suites, ``prefect.yaml``) are never replaced.

    Args:
        folder: the study's folder; made when missing.

    Returns:
        Lines that say what was done and what to do next.

    Raises:
        InputError: for a folder of mmbind's own repository, whose studies share one ``dvc.yaml``.
    """
    if (folder / "dvc.yaml").is_symlink() or (folder / "mmbind" / "cli").is_dir():
        raise InputError(f"{folder} is a study of mmbind's own repository.", hint="Choose a folder outside it.")
    templates = template_folder()
    renewed = (folder / "params.yaml").exists()
    for name, text in STARTERS.items():
        if not (folder / name).exists():
            write_text(folder / name, text)
    write_text(folder / "dvc.yaml", outside(_read(templates / "dvc.yaml")))
    write_text(folder / "mmbind.version", f"{__version__} {digest_code()}\n")
    if not (folder / "prefect.yaml").exists():
        write_text(folder / "prefect.yaml", _read(templates / "prefect.yaml"))
    for suite in sorted((templates / "expectations").glob("*.json")):
        if not (folder / "expectations" / suite.name).exists():
            (folder / "expectations").mkdir(exist_ok=True)
            shutil.copyfile(suite, folder / "expectations" / suite.name)
    if renewed:
        return [f"{folder}: dvc.yaml and mmbind.version are those of mmbind {__version__} now."]
    write_text(folder / "params.yaml", _read(PACKAGE / "cli" / "params_template.yaml"))
    return [
        f"{folder}: a new study.",
        "Next: 'git init' and 'dvc init' there (or 'dvc init --no-scm'), describe your sources in params.yaml,",
        "put raw logs into inbox/<source>/, then 'mmbind run'.",
    ]


def outside(pipeline: str) -> str:
    """The pipeline text with dependencies on the code replaced by ``mmbind.version``.

    Args:
        pipeline: text of mmbind's own ``dvc.yaml``.
    """
    lines: list[str] = []
    for line in pipeline.splitlines():
        match = _CODE.match(line)
        replaced = f"{match['indent']}mmbind.version" if match else line
        if not (match and lines[-1] == replaced):
            lines.append(replaced)
    return "\n".join(lines) + "\n"


def template_folder() -> Path:
    """Where ``dvc.yaml``, ``prefect.yaml`` and the suites lie: the checkout, or the installed package."""
    checkout = PACKAGE.parent
    return checkout if (checkout / "dvc.yaml").is_file() else PACKAGE / "_study"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
