"""Reading IR files, of versions 10 and 11, also those that a person has edited.

OpenVINO's reader does the work; what it says about a damaged file is turned into one clear
sentence, and what it would only fail on later (a missing or short ``.bin``) is looked at first.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import openvino as ov

from oakwright.errors import UnreadableModel

_VERSIONS = (10, 11)
# The topology of the largest models is a few MB of text; a bound on what is parsed.
_MAX_XML_BYTES = 512 * 1024 * 1024


def read(path: str | os.PathLike[str]) -> ov.Model:
    """The model in an ``.xml`` with its ``.bin`` beside it.

    Raises UnreadableModel (with ``path``) where the file is no IR of version 10 or 11, is damaged,
    or where its weights are missing or too short.
    """
    xml = Path(path)
    if not xml.is_file():
        raise _unreadable(xml, "there is no such file", "check the path")
    if xml.stat().st_size > _MAX_XML_BYTES:
        raise _unreadable(xml, "the topology is larger than any real one", "check the file")
    needed = _weights_needed(xml)
    weights = xml.with_suffix(".bin")
    present = weights.stat().st_size if weights.is_file() else -1
    if needed and present < 0:
        raise _unreadable(
            xml, f"its weights {weights.name} are missing", "put them beside the .xml"
        )
    if max(present, 0) < needed:
        raise _unreadable(
            xml,
            f"its weights {weights.name} end after {present} bytes, {needed} are needed",
            "copy the .bin again; it was cut off or belongs to another .xml",
        )
    core = ov.Core()
    try:
        if present > 0:
            return core.read_model(str(xml), str(weights))
        return core.read_model(str(xml))
    except RuntimeError as error:
        reason = f"OpenVINO's reader says: {_reason(error)}"
        raise _unreadable(xml, reason, "write the IR again from its source") from error


def _weights_needed(xml: Path) -> int:
    """The least size of the ``.bin`` in bytes; checks that this is an IR at all on the way."""
    needed, root = 0, ""
    try:
        # A DOCTYPE is the only way to make an XML reader expand text without end; IRs have none.
        with xml.open("rb") as file:
            start = file.read(4096)
            if b"<!DOCTYPE" in start or b"<!ENTITY" in start:
                raise _unreadable(xml, "it holds a document type, which no IR does", "")
            file.seek(0)
            for event, element in ElementTree.iterparse(file, ("start", "end")):
                root = root or element.tag
                if root != "net":
                    break
                if event == "start" and element.tag == "net":
                    _check_version(xml, element.get("version", ""))
                elif event == "end" and element.tag == "data" and element.get("size"):
                    needed = max(needed, _end_of(xml, element))
                elif event == "end" and element.tag in ("layer", "edge"):
                    element.clear()
    except ElementTree.ParseError as error:
        raise _unreadable(
            xml, f"it is not XML: {error}", "check that the file is complete"
        ) from error
    if root != "net":
        raise _unreadable(xml, f"its first element is <{root}>, not <net>", "check the file")
    return needed


def _end_of(xml: Path, data: ElementTree.Element) -> int:
    try:
        offset, size = int(data.get("offset", "0")), int(data.get("size", "0"))
    except ValueError:
        return 0
    if offset < 0 or size < 0:
        raise _unreadable(xml, "a constant has a negative offset or size", "check the file")
    return offset + size


def _check_version(xml: Path, text: str) -> None:
    if not text.isdigit():
        raise _unreadable(xml, "its <net> has no version", "check that it is an OpenVINO IR")
    if int(text) not in _VERSIONS:
        raise _unreadable(
            xml,
            f"it is an IR of version {text}; versions 10 and 11 can be read",
            "convert the model again with a newer Model Optimizer, from its source",
        )


def _unreadable(xml: Path, reason: str, remedy: str) -> UnreadableModel:
    return UnreadableModel(f"cannot read the IR {xml}: {reason}", remedy=remedy, path=str(xml))


def _reason(error: RuntimeError) -> str:
    """The last sentence of OpenVINO's message; what stands before are its source lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [
        line
        for line in lines
        if not re.match(
            r"(Exception from|Check '.*' failed at|\[? ?src/|FrontEnd API failed)", line
        )
    ]
    return (telling or lines or ["no reason given"])[-1][:500]
