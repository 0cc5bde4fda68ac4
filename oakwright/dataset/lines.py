"""JSON, XML and YAML of strangers: bounded, nothing executed, and every value knows its line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from json import decoder, scanner
from pathlib import Path
from typing import Any
from xml.parsers import expat

from oakwright.errors import DatasetError

MAX_JSON = 2 * 1024**3  # COCO's own training set has 450 MB
MAX_TEXT = 16 * 1024**2  # one picture's XML or labels, one data.yaml
MAX_DEPTH = 64


def read_text(path: Path, limit: int = MAX_TEXT) -> str:
    """A UTF-8 file of at most ``limit`` bytes. Raises DatasetError with ``path``."""
    try:
        if not path.is_file():
            raise unreadable(path, "there is no such file")
        with path.open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise unreadable(path, f"it is larger than {limit >> 20} MiB")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise unreadable(path, "it is not text in UTF-8", line) from error
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def parse_json(text: str, path: Path) -> Any:
    """The value of a JSON text. Raises DatasetError with ``path`` and ``line``."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"it is not JSON: {error.msg}, column {error.colno}"
        raise unreadable(path, reason, error.lineno) from error
    except RecursionError as error:
        raise unreadable(path, "it is nested too deeply") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise unreadable(path, f"it is not JSON as we read it: {error}") from error


def json_lines(text: str, section: str, wanted: Iterable[int]) -> dict[int, int]:
    """The lines on which some objects of a list at the top of a JSON object begin.

    Args: ``section``, the list's key; ``wanted``, places in it. A slow second reading, for texts
    in which something was found wrong. Objects that cannot be told apart so are left out.
    """
    starts: list[tuple[int, Any]] = []

    class Locating(json.JSONDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.parse_object = self.note
            self.scan_once = scanner.py_make_scanner(self)  # type: ignore[attr-defined]

        def note(self, place: tuple[str, int], *rest: Any) -> Any:
            value, end = decoder.JSONObject(place, *rest)  # type: ignore[attr-defined]
            # Kept alive by the list, so that no two objects share an identity.
            starts.append((place[1] - 1, value))
            return value, end

    try:
        entries = Locating().decode(text)[section]
        where = {id(value): start for start, value in starts}
        places = {where[id(entries[i])]: i for i in wanted if id(entries[i]) in where}
    except (RecursionError, ValueError, TypeError, KeyError, IndexError):
        return {}
    found, line, last = {}, 1, 0
    for start in sorted(places):
        line, last = line + text.count("\n", last, start), start
        found[places[start]] = line
    return found


@dataclass
class Element:
    """An XML element: its tag, the line it begins on, its text, and what it contains."""

    tag: str
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def find(self, tag: str) -> Element | None:
        """The first child of that tag."""
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, tag: str) -> list[Element]:
        """Every child of that tag."""
        return [child for child in self.children if child.tag == tag]


def parse_xml(text: str, path: Path) -> Element:
    """The root of an XML text; a DTD, and with it every entity, is refused.

    Raises DatasetError with ``path`` and ``line``.
    """
    top = Element("", 0)
    stack = [top]
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(tag: str, _: dict[str, str]) -> None:
        if len(stack) > MAX_DEPTH:
            raise unreadable(path, "it is nested too deeply", parser.CurrentLineNumber)
        element = Element(tag, parser.CurrentLineNumber)
        stack[-1].children.append(element)
        stack.append(element)

    def end(_: str) -> None:
        stack.pop()

    def characters(data: str) -> None:
        stack[-1].text += data

    def doctype(*_: Any) -> None:
        raise unreadable(
            path,
            "it declares a DTD, which is not read: entities can be bombs",
            parser.CurrentLineNumber,
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        reason = f"it is not XML: {expat.ErrorString(error.code)}"
        raise unreadable(path, reason, error.lineno) from error
    return top.children[0]


def parse_yaml(text: str, path: Path) -> tuple[Any, dict[str, int]]:
    """The plain value of a YAML text, and the lines of its top keys.

    Tags run nothing; anchors and aliases, with which a few lines can stand for gigabytes, are
    refused. Raises DatasetError with ``path`` and ``line``.
    """
    import yaml

    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1
            if getattr(event, "anchor", None) is not None:
                raise unreadable(path, "anchors and aliases are not read", line)
            depth += isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent))
            depth -= isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent))
            if depth > MAX_DEPTH:
                raise unreadable(path, "it is nested too deeply", line)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = f"it is not YAML: {getattr(error, 'problem', None) or error}"
        raise unreadable(path, reason, mark.line + 1 if mark else 0) from error
    lines = {}
    if isinstance(node, yaml.MappingNode):
        lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    return value, lines


def unreadable(path: Path, reason: str, line: int = 0) -> DatasetError:
    """The error for a file of annotations that cannot be read."""
    place = f"{path}:{line}" if line else str(path)
    return DatasetError(
        f"{place} cannot be read: {reason}",
        remedy="known are COCO json, folders of Pascal VOC xml, and YOLO's data.yaml",
        path=str(path),
        line=line,
        reason=reason,
        findings=[f"{place}: {reason}"],
    )
