"""Names of files: which parts of their paths vary, and what those parts may tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmbind.inspection.words import ACTIVITIES, DEVICES, MODALITIES, MODIFIERS, PLACES, SESSIONS, SUBJECTS, words
from mmbind.sources.discover import matching

#: Endings of files that are no logs.
PAPERS = (".md", ".txt~", ".pdf", ".doc", ".docx", ".html", ".py", ".m", ".ipynb", ".yaml", ".yml", ".png", ".jpg")
_TOKEN = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]+")
#: A sensor's word with a word before it is one token: ``vertical_accel``.
_PAIR = re.compile(rf"(?<![A-Za-z])({'|'.join(MODIFIERS)})[_-]?(?=[A-Za-z]{{3}})", re.IGNORECASE)
_JOINT = "\x00"


@dataclass(frozen=True)
class Part:
    """A part of the paths that varies.

    Attributes:
        role: subject, session, label, device, placement or part; ``sensor`` where it says
            which sensor a file holds; None where it tells nothing new.
        examples: a few of its values.
        count: how many it has.
        why: what speaks for the role.
        sure: whether nothing speaks against it.
    """

    role: str | None
    examples: list[str]
    count: int
    why: str
    sure: bool = True


@dataclass(frozen=True)
class Naming:
    """How a folder's logs are named.

    Attributes:
        paths: the logs.
        others: files named otherwise, which the draft leaves out.
        pattern: ``identity.pattern``; None for a lone file.
        glob: fits all logs.
        sensors: paths by what the part ``sensor`` says; one entry "" where there is none.
        globs: fits the logs of a sensor.
        parts: what varies.
    """

    paths: list[str]
    others: list[str]
    pattern: str | None
    glob: str
    sensors: dict[str, list[str]]
    globs: dict[str, str]
    parts: list[Part] = field(default_factory=list)


@dataclass
class _Field:
    """Tokens ``start`` to ``stop`` of the shape; their values in every path."""

    start: int
    stop: int
    values: list[str]
    before: str
    role: str | None = None
    why: str = ""
    sure: bool = True

    @property
    def distinct(self) -> int:
        return len(set(self.values))

    @property
    def digits(self) -> bool:
        return all(value.isdigit() for value in self.values)


def naming_of(paths: Sequence[str], *, labelled: bool = False) -> Naming:
    """Looks at the paths of a folder.

    Args:
        paths: below the folder, with forward slashes.
        labelled: whether the files themselves hold labels.
    """
    logs = [path for path in paths if not path.lower().endswith(PAPERS)]
    shapes = Counter(_shape(path) for path in logs)
    if not shapes:
        return Naming([], sorted(paths), None, "**/*", {}, {})
    best = max(shapes, key=lambda shape: (shapes[shape], shape))
    mine = sorted(path for path in logs if _shape(path) == best)
    others = sorted(set(paths) - set(mine))
    tokens = [_tokens(path) for path in mine]
    if len(mine) == 1:
        return Naming(mine, others, None, mine[0], {"": mine}, {"": mine[0]})
    fields = _fields(tokens)
    _assign(fields, labelled=labelled)
    sensor = next((each for each in fields if each.role == "sensor"), None)
    sensors: dict[str, list[str]] = {}
    for at, path in enumerate(mine):
        sensors.setdefault("" if sensor is None else sensor.values[at], []).append(path)
    globs = _globs(sensors)
    parts = [Part(each.role, sorted(set(each.values))[:4], each.distinct, each.why, each.sure) for each in fields]
    return Naming(mine, others, _pattern(tokens, fields), _glob(tokens), dict(sorted(sensors.items())), globs, parts)


def sensor_word(text: str) -> str | None:
    """The modality that a part of a path names, if it does; single letters name none."""
    found = [word for word in words(text.replace(_JOINT, "_")) if len(word) > 2]
    for name, known in MODALITIES.items():
        if any(word in known or any(len(each) > 3 and word.startswith(each) for each in known) for word in found):
            modifier = next((word for word in found if word in MODIFIERS), "")
            return f"{modifier}_{name}" if modifier else name
    return None


def _tokens(path: str) -> list[str]:
    """Letters, digits and what is between them, in turn; a sensor's word takes the word before it along."""
    joined = _PAIR.sub(lambda found: found[1] + _JOINT, path)
    tokens: list[str] = []
    for token in _TOKEN.findall(joined):
        if tokens and (token == _JOINT or tokens[-1].endswith(_JOINT)):
            tokens[-1] += token
        else:
            tokens.append(token)
    return [token.replace(_JOINT, "_") for token in tokens]


def _shape(path: str) -> tuple[str, ...]:
    return tuple("a" if t[0].isalpha() else "0" if t[0].isdigit() else t for t in _tokens(path))


def _fields(tokens: Sequence[Sequence[str]]) -> list[_Field]:
    """Runs of varying tokens; letters and the digits behind them are one when both vary."""
    columns = [list(column) for column in zip(*tokens, strict=True)]
    found: list[_Field] = []
    at = 0
    while at < len(columns):
        before = _before(columns, at)
        if len(set(columns[at])) == 1 and not _counts(columns, at, before):
            at += 1
            continue
        stop = at + 1
        letters = columns[at][0][0].isalpha()
        if letters and stop < len(columns) and columns[stop][0].isdigit() and len(set(columns[stop])) > 1:
            stop += 1
        found.append(_Field(at, stop, ["".join(row[at:stop]) for row in tokens], before))
        at = stop
    return found


def _before(columns: Sequence[Sequence[str]], at: int) -> str:
    """The word that all paths have before a part: ``session`` of ``session_3``."""
    place = at - 2 if at > 1 and columns[at - 1][0] in ("_", "-", " ") else at - 1
    return columns[place][0] if place >= 0 and columns[place][0].isalpha() and len(set(columns[place])) == 1 else ""


def _counts(columns: Sequence[Sequence[str]], at: int, before: str) -> bool:
    """Whether a number that is the same in all paths is one that others may have: a session's, or a file's."""
    last = at + 1 < len(columns) and columns[at + 1][0] == "."
    return columns[at][0].isdigit() and (last or before.lower() in SESSIONS)


def _assign(fields: list[_Field], *, labelled: bool) -> None:
    """Says what each part tells; of parts that say the same only the last does."""
    for at, each in enumerate(fields):
        same = next((other for other in fields[at + 1 :] if _same(each, other)), None)
        if same is not None:
            each.why = "the same as a later part"
            same.before = same.before or each.before
    open_ = [each for each in fields if not each.why]
    taken: set[str] = set()

    def give(each: _Field, role: str, why: str, *, sure: bool = True) -> None:
        each.role, each.why, each.sure = role, why, sure
        taken.add(role)

    for each in reversed(open_):
        sensors = {sensor_word(value) for value in set(each.values)}
        if "sensor" not in taken and not each.digits and None not in sensors and len(sensors) > 1:
            give(each, "sensor", "names sensors")
    numbered: list[tuple[str, tuple[str, ...]]] = [("subject", SUBJECTS), ("session", SESSIONS)]
    for role, known in numbered:
        for each in [each for each in open_ if each.role is None and each.digits]:
            if role not in taken and each.before.lower() in known:
                give(each, role, f"numbers behind {each.before!r}")
    texts = [each for each in open_ if each.role is None and not each.digits]
    worded: list[tuple[str, tuple[str, ...]]] = [("device", DEVICES), ("placement", PLACES)]
    for role, known in worded:
        for each in texts:
            if each.role is None and role not in taken and all(set(words(value)) & set(known) for value in each.values):
                give(each, role, "names of devices" if role == "device" else "places on the body")
    for each in sorted((each for each in texts if each.role is None), key=lambda each: -each.distinct):
        if not labelled and "label" not in taken and each.distinct <= max(len(each.values) // 2, 2):
            give(each, "label", f"{each.distinct} words or codes that many files share", sure=each.distinct > 2)
        elif "subject" not in taken and labelled and each.distinct > 4:
            give(each, "subject", "words that many files share", sure=False)
    label = next((each for each in open_ if each.role == "label"), None)
    for each in [each for each in open_ if label is not None and each.role is None]:
        if label is not None and len(set(zip(label.values, each.values, strict=True))) == label.distinct:
            each.why = "goes with the label"
    open_ = [each for each in open_ if each.role is not None or not each.why]
    for each in [each for each in open_ if each.role is None and each.digits]:
        if each.before.lower() in ACTIVITIES and "label" not in taken and not labelled and len(open_) > 2:
            give(each, "label", f"numbers behind {each.before!r}", sure=False)
    for each in [each for each in open_ if each.role is None and not each.digits and each.distinct <= 4]:
        if "device" not in taken:
            give(each, "device", "few words that many files share", sure=False)
    for each in [each for each in open_ if each.role is None]:
        free = next((role for role in ("subject", "session", "part") if role not in taken), None)
        if free is not None:
            give(each, free, "nothing else in the path tells it", sure=False)


def _same(first: _Field, second: _Field) -> bool:
    """Whether two parts tell the same, in every path: SA07 and 7, Inertial and inertial."""
    number = [re.sub(r"^[A-Za-z]*0*(?=\d)", "", value).lower() for value in first.values]
    other = [re.sub(r"^[A-Za-z]*0*(?=\d)", "", value).lower() for value in second.values]
    if number == other:
        return True
    return len(set(zip(number, other, strict=True))) == len(set(number)) == len(set(other)) <= 12 and not any(
        value.isdigit() for value in number
    )


def _pattern(tokens: Sequence[Sequence[str]], fields: Sequence[_Field]) -> str:
    """A regular expression for the whole path, with a named group per part that tells something."""
    row, pieces, at = tokens[0], ["^"], 0
    for each in fields:
        start = each.start
        pieces.append("".join(re.escape(token).replace("\\-", "-") for token in row[at:start]))
        body = _body(each)
        group = each.role if each.role not in (None, "sensor") else None
        inside = group == "subject" and each.digits and each.before and pieces[-1].endswith(each.before)
        if inside:
            pieces[-1] = pieces[-1].removesuffix(each.before)
            body = re.escape(each.before) + body
        pieces.append(f"(?P<{group}>{body})" if group else body)
        at = each.stop
    pieces.append("".join(re.escape(token).replace("\\-", "-") for token in row[at:]))
    return "".join(pieces) + "$"


def _body(each: _Field) -> str:
    if each.digits:
        return r"\d+"
    return r"[A-Za-z]+\d+" if each.stop - each.start == 2 else r"[A-Za-z_-]+"


def _glob(tokens: Sequence[Sequence[str]]) -> str:
    """A glob in which tokens that vary are stars."""
    columns = [list(column) for column in zip(*tokens, strict=True)]
    text = "".join(
        column[0] if len(set(column)) == 1 and not _counts(columns, at, _before(columns, at)) else "*"
        for at, column in enumerate(columns)
    )
    return re.sub(r"\*+", "*", text)


def _globs(sensors: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A glob per sensor that fits no file of another: digits are spelt out where a star would."""
    found = {}
    for value, members in sorted(sensors.items()):
        tokens = [_tokens(path) for path in members]
        others = [path for other, paths in sensors.items() if other != value for path in paths]
        plain = _glob(tokens)
        found[value] = _digits_glob(tokens) if matching(plain, others, place="join") else plain
    return found


def _digits_glob(tokens: Sequence[Sequence[str]]) -> str:
    """A glob in which numbers of one width are spelt as digits."""
    pieces = []
    for column in ({*column} for column in zip(*tokens, strict=True)):
        widths = {len(token) for token in column}
        if len(column) == 1:
            pieces.append(next(iter(column)))
        elif len(widths) == 1 and all(token.isdigit() for token in column):
            pieces.append("[0-9]" * widths.pop())
        else:
            pieces.append("*")
    return re.sub(r"\*+", "*", "".join(pieces))


def spread(paths: Sequence[str], count: int) -> list[str]:
    """Some of the paths, evenly from first to last."""
    if len(paths) <= count:
        return list(paths)
    return [paths[round(at * (len(paths) - 1) / (count - 1))] for at in range(count)]


def listed(parts: Sequence[Part]) -> Mapping[str, Part]:
    """The parts that tell something, by role."""
    return {part.role: part for part in parts if part.role is not None}
