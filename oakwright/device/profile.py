"""``oakwright device bench SCRIPT``: where the time goes, node by node, and what differs on a chip.

The script runs in virtual time, where one task works at a time, so that the real time between its
turns is its own. What is measured is this machine; what a chip does with the same node stands in a
table of the hardware's facts, and nothing here predicts a chip's frame rate.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from oakwright.errors import DeviceError
from oakwright.files import write_aside

from .runner import run_script
from .settings import Settings

HOST = "the script itself"
SOURCE = "pictures of the source"
_ISP = "the sensor and the ISP: hardware, no processor's time; exposure may lower the rate"
_NETWORK = (
    "neural engines and vector cores, many times this or less: say how many shaves; "
    "see `oakwright check --performance`"
)
# Where a node's work is done on a Myriad X, and what that changes; by kind.
ON_A_CHIP: Mapping[str, str] = MappingProxyType(
    {
        "ColorCamera": _ISP,
        "MonoCamera": _ISP,
        "Camera": _ISP,
        "NeuralNetwork": _NETWORK,
        "DetectionNetwork": _NETWORK,
        "SpatialDetectionNetwork": _NETWORK,
        "DetectionParser": "a processor core of the chip, slower than this one",
        "StereoDepth": "stereo hardware; median, subpixel and filters beyond it take vector cores",
        "VideoEncoder": "encoder hardware, up to 3840x2160 at 30 a second in all",
        "ImageManip": "warp hardware and vector cores, shared with the networks",
        "Warp": "warp hardware",
        "FeatureTracker": "feature hardware, and vector cores for optical flow",
        "EdgeDetector": "filter hardware",
        "AprilTag": "a processor core of the chip, slower than this one",
        "ObjectTracker": "a vector core and a processor core of the chip",
        "SpatialLocationCalculator": "a vector core",
        "ImageAlign": "vector cores",
        "PointCloud": "vector cores",
        "ToF": "vector cores",
        "Script": "a processor core of 700 MHz: Python is tens of times slower there",
        "XLinkOut": "the link: what it carries is below",
        "XLinkIn": "the link",
    }
)
_BESIDE = {HOST: "your host, as here", SOURCE: "the world: nothing"}
# Megabytes a second that a link carries at best, of its nominal bits.
LINKS = (("USB 2", 40.0), ("1 Gbit Ethernet", 115.0), ("USB 3", 400.0))


@dataclass(frozen=True)
class NodeCost:
    """A node: ``steps``, real seconds of work, ``full``: its queues that were full at some time."""

    title: str
    steps: int
    busy_s: float
    full: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``ColorCamera``."""
        return self.title.partition("(")[0]

    @property
    def step_ms(self) -> float:
        """Milliseconds a step; 0 where there was none."""
        return self.busy_s / self.steps * 1000 if self.steps else 0.0


@dataclass(frozen=True)
class StreamLoad:
    """A stream to the host: messages a second (of the run's clock) and bytes of one."""

    name: str
    fps: float
    bytes: int

    @property
    def mb_per_s(self) -> float:
        """Megabytes a second on the link."""
        return self.fps * self.bytes / 1e6


@dataclass(frozen=True)
class Profile:
    """``seconds``: virtual ones; ``wall_s``: the process's real ones, start and all."""

    script: str
    seconds: float
    wall_s: float
    nodes: tuple[NodeCost, ...]
    streams: tuple[StreamLoad, ...]

    @property
    def busy_s(self) -> float:
        """Real seconds of work, of all nodes and the script."""
        return sum(node.busy_s for node in self.nodes)


def profile_script(
    script: str | os.PathLike[str],
    arguments: Sequence[str] = (),
    settings: Settings | None = None,
    *,
    limit_s: float | None = None,
) -> Profile:
    """Run a script in virtual time and say what each node cost here.

    Raises DeviceError where it does not run to its end, with its reason.
    """
    wanted = replace(settings or Settings(seconds=5.0), deterministic=True, timed=True)
    ended = run_script(script, list(arguments), wanted, limit_s=limit_s, capture=True)
    if not ended.is_clean:
        output = str(ended.report.get("output", "")).strip().splitlines()
        raise DeviceError(
            f"{script} did not run to its end: {ended.outcome}: {ended.message}",
            remedy="mend it first" + (f"; its last line: {output[-1]}" if output else ""),
        )
    return profile_of(str(script), ended.report, ended.wall_s)


def profile_of(script: str, report: Mapping[str, Any], wall_s: float) -> Profile:
    """The profile of a run's report (see VirtualOak.report); dearest nodes first."""
    costs = [NodeCost(HOST, 0, float(report.get("host_busy_s", 0.0)))]
    made_s = 0.0
    several = len(report["devices"]) > 1
    for number, device in enumerate(report["devices"]):
        full: dict[str, list[str]] = {}
        for name, queue in device.get("queues", {}).items():
            # "input 'in' of XLinkOut(3)": full of what its node has not taken yet.
            if queue["fullest"] >= queue["size"] > 1:
                full.setdefault(name.rpartition(" of ")[2], []).append(name.split("'")[1])
        pictures = device.get("source_busy_s", {})
        made_s += sum(pictures.values())
        for title, node in device.get("nodes", {}).items():
            shown = f"{title} of camera {number}" if several else title
            waits = tuple(full.get(title, ()))
            own_s = max(node["busy_s"] - pictures.get(title, 0.0), 0.0)
            # A Script is one long step: what it has sent says more.
            steps = max([node["steps"], *node["sent"].values()])
            costs.append(NodeCost(shown, steps, own_s, waits))
    costs.append(NodeCost(SOURCE, 0, made_s))
    streams = [
        StreamLoad(name, row["fps"] or 0.0, row["bytes"]) for name, row in report["streams"].items()
    ]
    costs.sort(key=lambda cost: -cost.busy_s)
    return Profile(script, float(report["seconds"]), wall_s, tuple(costs), tuple(streams))


def profile_as_markdown(profile: Profile) -> str:
    """The table, the link's load, and what the figures are not."""
    total = profile.busy_s or 1.0
    pace = profile.busy_s / profile.seconds if profile.seconds else 0.0
    lines = [
        f"`{Path(profile.script).name}`: {profile.seconds:.2f} s of the camera's time took "
        f"{profile.busy_s:.2f} s of work here, {pace:.2f} s a second on one core "
        f"({profile.wall_s:.1f} s with the start of the process).",
        "",
        "| node | steps | ms a step | of the work | full queues | on a real camera |",
        "|---|--:|--:|--:|---|---|",
    ]
    for node in profile.nodes:
        each = f"{node.step_ms:.2f}" if node.steps else ""
        said = _BESIDE.get(node.title) or ON_A_CHIP.get(node.kind, "")
        lines.append(
            f"| {node.title} | {node.steps or ''} | {each} | {node.busy_s / total:.0%} "
            f"| {', '.join(node.full)} | {said} |"
        )
    lines += ["", "| stream | messages a second | kB each | MB a second |", "|---|--:|--:|--:|"]
    lines += [
        f"| {s.name} | {s.fps:.1f} | {s.bytes / 1000:.1f} | {s.mb_per_s:.1f} |"
        for s in profile.streams
    ]
    load = sum(stream.mb_per_s for stream in profile.streams)
    carried = [f"{name} is enough ({most:g} at best)" for name, most in LINKS if load <= most]
    lines += [
        "",
        f"{load:.1f} MB a second to the host: "
        + (f"{carried[0]}." if carried else "more than any link carries."),
        "",
        "Milliseconds are this machine's, of one task at a time. A real camera works on all nodes "
        "at once, on other hardware: its rates are limited by its slowest node, its memory and its "
        "link, none of which is simulated. A queue that is full here has a slow reader in the "
        "script or the pipeline, which a real camera's would be too.",
    ]
    return "\n".join(lines) + "\n"


def write_profile(profile: Profile, path: Path) -> None:
    """Write ``profile_as_markdown``, whole or not at all."""
    write_aside(path, profile_as_markdown(profile))
