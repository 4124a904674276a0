"""Door of the stage ``assign``: ``python -m flows.assign``.

It reads a folder per source, so it also removes what sources left behind that
``params.yaml`` no longer names: else their files would stay a dependency.
"""

import shutil

from flows.doors import walk
from mmbind.roles import RolesSummary, assign_roles
from mmbind.study import Study


def prune(study: Study) -> list[str]:
    """Removes records, judgements and windows of sources that are no longer named.

    Args:
        study: the study.

    Returns:
        The names of those sources, sorted.
    """
    gone = set()
    for folder in ("records", "validation", "windows"):
        for path in sorted((study.root / "data" / folder).glob("[!.]*")):
            if path.stem not in study.params.sources:
                gone.add(path.stem)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return sorted(gone)


def assign(study: Study) -> RolesSummary:
    """Prunes, then assigns the roles."""
    for source in prune(study):
        print(f"Removed what the source {source!r} left: params.yaml no longer names it.")
    return assign_roles(study)


if __name__ == "__main__":
    walk("assign", assign)
