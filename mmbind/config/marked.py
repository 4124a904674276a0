"""YAML text with the lines of its keys, and one sentence for all that can be wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mmbind.errors import ConfigError


@dataclass(frozen=True)
class MarkedYaml:
    """A YAML file.

    Attributes:
        value: what it says.
        tree: the composed nodes, None for an empty file.
    """

    value: Any
    tree: yaml.Node | None

    def line(self, location: Sequence[str | int]) -> int | None:
        """The 1-based line of a key, as deep as the key exists; None for the file as a whole."""
        line, node = None, self.tree
        for part in location:
            if isinstance(node, yaml.MappingNode):
                found = [(key, child) for key, child in node.value if key.value == str(part)]
                if not found:
                    return line
                line, node = found[0][0].start_mark.line + 1, found[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line + 1
            else:
                return line
        return line


def read_yaml(path: Path) -> MarkedYaml:
    """Reads a YAML file in UTF-8.

    Args:
        path: the file.

    Raises:
        ConfigError: when it cannot be read, is not UTF-8 or not YAML, or says a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot be read: {error.strerror}.", path=path, hint="Run this in a study's folder, or 'mmbind init DIR'."
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start}.",
            path=path,
            line=error.object.count(b"\n", 0, error.start) + 1,
            hint="Save it as UTF-8.",
        ) from None
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"is not YAML: the character U+{int(error.character):04X} is not allowed.", path=path, line=line
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line_of_mark = mark.line + 1 if mark is not None else None
        raise ConfigError(f"is not YAML: {getattr(error, 'problem', error)}.", path=path, line=line_of_mark) from None
    for first, second in _repeated(tree):
        raise ConfigError(
            f"the key {second.value!r} stands twice; the first is in line {first.start_mark.line + 1}.",
            path=path,
            line=second.start_mark.line + 1,
            key=str(second.value),
            hint="Keep one of them.",
        )
    return MarkedYaml(value, tree)


def _repeated(tree: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Keys that stand twice in one mapping; a node that aliases repeat is seen once."""
    waiting, seen = [tree], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            keys: dict[tuple[str, str], yaml.Node] = {}
            for key, child in node.value:
                if isinstance(key, yaml.ScalarNode):
                    first = keys.setdefault((key.tag, key.value), key)
                    if first is not key:
                        yield first, key
                waiting.append(child)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
