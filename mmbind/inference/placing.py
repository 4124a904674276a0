"""Which source new logs are of, and where they would lie among its raw files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmbind.config import Identity, Labels, Source
from mmbind.errors import InputError, nearest
from mmbind.sources.discover import logs_below, matching
from mmbind.sources.identity import owner_of

#: Folders above the given path that may belong to a source's layout (person, session, ...).
ABOVE = 4


@dataclass(frozen=True)
class Placed:
    """New logs in a source's layout.

    Attributes:
        source: the source's name.
        config: its block without labels, and without what these logs do not have.
        files: real path by path below the source's folder.
        passed: files that the source's block does not speak of.
    """

    source: str
    config: Source
    files: dict[str, Path]
    passed: list[Path]


def place(path: Path, sources: Mapping[str, Source], wanted: str | None) -> Placed:
    """Finds the layout in which a source's globs and pattern fit new logs.

    The folders above the given path count too, so that ``.../a01/session_1.csv`` may be given
    as the file, as its folder, or as the folder of all people. Logs under names that nothing
    fits are read all the same where a source is named and their ending is its own; their
    paths then tell nothing.

    Args:
        path: a file or a folder.
        sources: blocks by name.
        wanted: the source; None looks for the only one that fits.

    Raises:
        InputError: when there is nothing to read, or not exactly one source fits.
    """
    logs = _logs(path)
    if wanted is not None and wanted not in sources:
        raise InputError(f"Unknown source {wanted!r}.", hint=nearest(wanted, sources))
    fitting = {name: found for name, config in sources.items() if (found := _fit(path, logs, name, config))}
    if wanted is None:
        if len(fitting) != 1:
            what = f"{len(fitting)} sources fit {path}: {', '.join(sorted(fitting))}." if fitting else _nothing(path)
            raise InputError(
                what, hint=f"Name the source whose format it has (--source): {', '.join(sorted(sources))}."
            )
        return next(iter(fitting.values()))
    if wanted in fitting:
        return fitting[wanted]
    if (plain := _plain(path, logs, wanted, sources[wanted])) is not None:
        return plain
    globs = ", ".join(sorted(set(_globs(sources[wanted]).values())))
    others = f"It fits {', '.join(sorted(fitting))}." if fitting else "It fits no other source either."
    raise InputError(f"{path} holds no logs of the source {wanted!r}, whose files are {globs}.", hint=others)


def _logs(path: Path) -> list[str]:
    """The logs below a folder, or the file itself, as relative paths."""
    if path.is_file():
        return [path.name]
    if not path.is_dir():
        raise InputError(f"{path} does not exist.")
    if not (logs := logs_below(path)):
        raise InputError(f"{path} holds no logs.")
    return logs


def _fit(path: Path, logs: list[str], name: str, config: Source) -> Placed | None:
    """The logs where most of them fit a source's globs and pattern; the fewest folders above of equals."""
    root = path.resolve().parent if path.is_file() else path.resolve()
    best: Placed | None = None
    for above in range(min(ABOVE, len(root.parts) - 1) + 1):
        prefix = "/".join(root.parts[len(root.parts) - above :])
        names = {f"{prefix}/{log}" if prefix else log: root / log for log in logs}
        used = _used(list(names), name, config)
        files = {inside: names[inside] for inside in used if owner_of(inside, config) is not None}
        if files and (best is None or len(files) > len(best.files)):
            passed = [real for inside, real in names.items() if inside not in files]
            best = Placed(name, _narrowed(config, list(names), list(files)), files, passed)
    return best


def _used(paths: list[str], name: str, config: Source) -> list[str]:
    """Those of some paths that the source reads."""
    found = {log for pattern in _globs(config).values() for log in _matching(pattern, paths, name)}
    return sorted(found - {log for pattern in _unwanted(config) for log in _matching(pattern, paths, name)})


def _narrowed(config: Source, paths: list[str], files: list[str]) -> Source:
    """The block without labels, globs that fit nothing here, and modalities of files that are not here."""
    exclude = [pattern for pattern in _unwanted(config) if _matching(pattern, paths, "exclude")]
    changes: dict[str, object] = {"labels": Labels(), "exclude": exclude}
    if config.join:
        join = {name: pattern for name, pattern in config.join.items() if _matching(pattern, files, name)}
        changes |= {
            "join": join,
            "modalities": {name: spec for name, spec in config.modalities.items() if name in join},
            "derived": {name: spec for name, spec in config.derived.items() if spec.base in join},
        }
    return config.model_copy(update=changes)


def _plain(path: Path, logs: list[str], name: str, config: Source) -> Placed | None:
    """Logs under any name, where their ending is that of the source and nothing depends on their path."""
    endings = {PurePosixPath(pattern).suffix for pattern in _globs(config).values()}
    chosen = [log for log in logs if not endings - {""} or PurePosixPath(log).suffix in endings]
    told = config.identity.groups & {"device", "placement"}
    if not chosen or config.join or (told and any(spec.frames for spec in config.modalities.values())):
        return None
    root = path.resolve().parent if path.is_file() else path.resolve()
    identity = Identity(device=config.identity.device, placement=config.identity.placement)
    changes = {"labels": Labels(), "exclude": [], "files": "**/*", "identity": identity}
    files = {log: root / log for log in chosen}
    passed = [root / log for log in logs if log not in files]
    return Placed(name, config.model_copy(update=changes), files, passed)


def _globs(config: Source) -> dict[str, str]:
    return config.join or dict.fromkeys(config.modalities, config.files)


def _unwanted(config: Source) -> list[str]:
    return [*config.exclude, *([] if config.labels.table is None else [config.labels.table.files])]


def _matching(pattern: str, paths: list[str], place: str) -> list[str]:
    return matching(pattern, paths, place=place)


def _nothing(path: Path) -> str:
    return f"{path} fits no source of the study by its name and place."
