"""How a virtual camera is to behave: one frozen value, that also travels to child processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from oakwright.errors import UsageError

from .faults import parse_faults

# Set by the runner for the script's own child processes.
VARIABLE = "OAKWRIGHT_VIRTUAL_OAK"
PACES = ("real", "free")


@dataclass(frozen=True)
class Settings:
    """Options of a virtual camera.

    ``source``: see ``sources.open_source``. ``loops``: start a source again at its end.
    ``deterministic``: one task at a time in virtual time. ``pace``: ``free`` lets cameras run as
    fast as their frames are taken. ``frames``, ``seconds``: when the run ends; ``seconds`` are of
    the run's clock. ``patience_s``: how long the host may wait for what never comes.
    ``keys``: what is pressed in the script's windows, as (seconds after the start, keys).
    ``judged``: the report says how the streams' contents change (see ``witness``).
    ``precision`` is what networks are computed in. ``aliases``: modules a script's imports get in
    place of others, as (asked for, given). ``faults``: what goes wrong, see ``faults.spec``.
    """

    source: str = "pattern"
    board: str = "OAK-D"
    deterministic: bool = False
    pace: str = "real"
    loops: bool = True
    frames: int | None = None
    seconds: float | None = None
    patience_s: float | None = None
    precision: str = "f32"
    keys: tuple[tuple[float, str], ...] = ()
    judged: bool = False
    aliases: tuple[tuple[str, str], ...] = ()
    faults: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pace not in PACES:
            raise UsageError(f"'{self.pace}' is no pace", remedy=f"one of {', '.join(PACES)}")
        parse_faults(self.faults)
        for name in ("frames", "seconds", "patience_s"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} is {value}", remedy="it must be above 0")

    def to_text(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Settings:
        """What ``to_text`` wrote."""
        try:
            values = json.loads(text)
            for name in ("aliases", "keys"):
                values[name] = tuple((a, b) for a, b in values.get(name, ()))
            values["faults"] = tuple(values.get("faults", ()))
            return cls(**values)
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{VARIABLE} does not hold settings: {error}",
                remedy="unset it; 'oakwright device run' sets it",
            ) from error
