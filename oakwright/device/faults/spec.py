"""What goes wrong, in words: ``disconnect@5s:3s``, ``drop@10%,camera=left``.

    KIND@FIRST[:LENGTH][,NAME=VALUE ...]

``KINDS`` says for each kind what FIRST is, whether LENGTH may follow, and which names there are.
Times are of the camera's clock, from the moment the first pipeline starts: ``500ms``, ``5s``,
``2min``, ``1h``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oakwright.errors import UsageError

MOST_FAULTS = 100
MOST_CHARACTERS = 200
MOST_BYTES = 64 << 10
SHORTEST_S, LONGEST_S = 0.001, 1e6

_UNITS_S = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_TIME = re.compile(_NUMBER + r"(ms|s|min|h)")
_SHARE = re.compile(_NUMBER + "%")
_CELSIUS = re.compile(_NUMBER + "C")
_COUNT = re.compile(r"\d{1,9}")
_NAME = re.compile(r"[\w() .-]{1,80}")

# What FIRST may be.
WHEN, COST, SHARE = "a time (5s)", "what a message costs (50ms)", "a share of frames (10%)"


@dataclass(frozen=True)
class Kind:
    """A row of ``KINDS``. ``length``: what LENGTH is; '' if there is none."""

    does: str
    first: tuple[str, ...]
    length: str
    names: tuple[str, ...]
    example: str


KINDS: dict[str, Kind] = {
    "drop": Kind(
        "frames of a camera, or messages of a stream, are lost",
        (SHARE, WHEN),
        "how long all are lost",
        ("from", "for", "camera", "stream", "seed"),
        "drop@10%",
    ),
    "disconnect": Kind(
        "the cable is pulled",
        (WHEN,),
        "after which it is plugged in again; never without it",
        ("every",),
        "disconnect@5s:3s",
    ),
    "slow": Kind(
        "the host takes its time over every message",
        (COST,),
        "",
        ("from", "for", "stream"),
        "slow@50ms",
    ),
    "hot": Kind(
        "the chip reaches 105 °C at that time, and is turned off soon after",
        (WHEN,),
        "after which it can be used again; never without it",
        ("until",),
        "hot@60s:30s",
    ),
    "crash": Kind(
        "the firmware crashes and leaves a crash dump",
        (WHEN,),
        "after which it has booted again (3s)",
        ("node", "every"),
        "crash@5s",
    ),
    "hang": Kind(
        "the device, or one node, does nothing any more",
        (WHEN,),
        "a node: after which it goes on; the device: after which it has booted again (3s)",
        ("node", "every"),
        "hang@5s",
    ),
}
# Kinds that take the link away, and after how long without LENGTH it is there again.
REBOOT_S = 3.0


@dataclass(frozen=True)
class Fault:
    """One fault; times in seconds. ``text`` is what was asked for.

    ``at_s``: when it begins. ``for_s``: its length, None where none was given. ``share``: of frames
    lost, 0..1. ``cost_s``: of every message taken. ``every_s``: it comes again after so long.
    ``until_c``: the chip gets no hotter than that.
    """

    text: str
    kind: str
    at_s: float = 0.0
    for_s: float | None = None
    share: float = 1.0
    cost_s: float = 0.0
    every_s: float | None = None
    camera: str = ""
    stream: str = ""
    node: str = ""
    seed: int = 0
    until_c: float | None = None


def parse_fault(text: str, *, where: str = "") -> Fault:
    """Read one fault; UsageError, beginning with ``where``, names what is wrong and what to write.

    ``where`` is a file and line, or empty.
    """
    place = f"{where}: " if where else ""
    if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
        raise UsageError(
            f"{place}a fault is a text of at most {MOST_CHARACTERS} characters",
            remedy=f"write it as {KINDS['disconnect'].example}",
        )
    head, *options = text.strip().split(",")
    name, at, amount = head.partition("@")
    kind = KINDS.get(name.strip())
    if kind is None:
        raise UsageError(
            f"{place}'{text}': there is no fault '{name.strip()}'",
            remedy=f"one of {', '.join(KINDS)}",
        )
    reader = _Reader(text, kind, place)
    if not at:
        raise reader.wrong("nothing stands after its name")
    return reader.read(name.strip(), amount, options)


class _Reader:
    """Reads the parts of one fault, and knows how to say what is wrong with them."""

    def __init__(self, text: str, kind: Kind, place: str) -> None:
        self._text, self._kind, self._place = text.strip(), kind, place

    def wrong(self, what: str) -> UsageError:
        return UsageError(
            f"{self._place}'{self._text}': {what}", remedy=f"write it as {self._kind.example}"
        )

    def read(self, name: str, amount: str, options: list[str]) -> Fault:
        first, colon, length = amount.partition(":")
        values = self._first(first.strip())
        if colon:
            if not self._kind.length or "share" in values:
                raise self.wrong(f"':{length}' has no meaning here")
            values["for_s"] = self._time(length.strip(), "its length")
        for option in options:
            key, equals, value = (part.strip() for part in option.partition("="))
            if not equals or key not in self._kind.names:
                names = ", ".join(f"{n}=" for n in self._kind.names)
                raise self.wrong(f"'{option.strip()}' is none of {names}")
            self._option(values, key, value)
        fault = Fault(self._text, name, **values)
        self._check(fault, given=values)
        return fault

    def _first(self, text: str) -> dict[str, Any]:
        if SHARE in self._kind.first and (found := _SHARE.fullmatch(text)):
            share = float(found[1]) / 100
            if not 0 < share <= 1:
                raise self.wrong(f"{text} is not above 0% and up to 100%")
            return {"share": share}
        if COST in self._kind.first:
            return {"cost_s": self._time(text, COST)}
        return {"at_s": self._time(text, " or ".join(self._kind.first))}

    def _option(self, values: dict[str, Any], key: str, value: str) -> None:
        times = {"from": "at_s", "for": "for_s", "every": "every_s"}
        if key in times:
            if times[key] in values:
                raise self.wrong(f"{key}= says a second time when")
            values[times[key]] = self._time(value, f"{key}=")
        elif key == "seed":
            if not _COUNT.fullmatch(value):
                raise self.wrong(f"seed={value} is no whole number")
            values[key] = int(value)
        elif key == "until":
            found = _CELSIUS.fullmatch(value)
            if found is None or not 50 <= float(found[1]) <= 120:
                raise self.wrong(f"until={value} is no temperature from 50C to 120C")
            values["until_c"] = float(found[1])
        else:
            if not _NAME.fullmatch(value):
                raise self.wrong(f"{key}={value} is no name")
            values[key] = value

    def _time(self, text: str, what: str) -> float:
        found = _TIME.fullmatch(text)
        if found is None:
            raise self.wrong(f"'{text}' is not {what}; units are {', '.join(_UNITS_S)}")
        seconds = float(found[1]) * _UNITS_S[found[2]]
        if seconds > LONGEST_S:
            raise self.wrong(f"{text} is longer than {LONGEST_S:g} s")
        return seconds

    def _check(self, fault: Fault, given: dict[str, Any]) -> None:
        if fault.kind == "drop" and "share" not in given and not fault.for_s:
            raise self.wrong(f"for how long? {KINDS['drop'].example}, or drop@5s:2s")
        if fault.camera and fault.stream:
            raise self.wrong("a camera's frames or a stream's messages, not both")
        if fault.kind == "slow" and not fault.cost_s:
            raise self.wrong("0 is no cost")
        if fault.for_s is not None and fault.for_s < SHORTEST_S:
            raise self.wrong(f"a length of {fault.for_s:g} s is below {SHORTEST_S:g} s")
        length = fault.for_s if fault.for_s is not None else REBOOT_S
        if fault.every_s is not None and fault.every_s < length + 1:
            raise self.wrong(f"every={fault.every_s:g}s leaves no second between its ends")
        if fault.every_s is not None and fault.kind == "disconnect" and fault.for_s is None:
            raise self.wrong("it comes again only if it ends: give its length")


def parse_faults(texts: Iterable[str]) -> tuple[Fault, ...]:
    """Read several; see ``parse_fault``."""
    faults = tuple(parse_fault(text) for text in texts)
    if len(faults) > MOST_FAULTS:
        raise UsageError(f"{len(faults)} faults are more than {MOST_FAULTS}", remedy="use every=")
    return faults


def read_fault_file(path: str | Path) -> tuple[str, ...]:
    """The faults of a file, a line each; empty lines, and what follows a #, say nothing.

    UsageError names the file and the line of what is wrong.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UsageError(
                f"{path} has more than {MOST_BYTES} bytes", remedy="a fault takes one short line"
            )
        lines = data.decode().splitlines()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", remedy="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path} is no text: byte {error.start} is not UTF-8", remedy="a fault a line"
        ) from error
    found = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            parse_fault(text, where=f"{path}, line {number}")
            found.append(text)
    return tuple(found)
