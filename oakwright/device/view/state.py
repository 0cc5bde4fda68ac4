"""What the live page shows, as plain values: windows, and the pipeline as a drawn graph."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from ..clock import real_monotonic
from ..session import Session
from ..windows import Windows
from .layout import Box, Line, arrange

# Rates are means over at least this long, in seconds of the clock they are given in.
SPAN_S = 2.0
# How often counters are noted at most, whoever asks how often.
_STEP_S = 0.2
_NODE_HEIGHT = 58.0
_LABEL_HEIGHT = 30.0


class Meter:
    """Counters, all 0 at ``start_s``, to rates: over the last SPAN_S or, if long unasked, since."""

    def __init__(self, start_s: float) -> None:
        self._noted: deque[tuple[float, Mapping[Any, float]]] = deque([(start_s, {})])

    def rates(self, now_s: float, counters: Mapping[Any, float]) -> dict[Any, float]:
        """Per second; nothing as long as there is too little time to tell."""
        noted = self._noted
        while len(noted) > 1 and noted[1][0] <= now_s - SPAN_S:
            noted.popleft()
        then_s, then = noted[0]
        if now_s - noted[-1][0] >= _STEP_S:
            noted.append((now_s, dict(counters)))
        if now_s - then_s < _STEP_S:
            return {}
        return {key: (n - then.get(key, 0)) / (now_s - then_s) for key, n in counters.items()}


class LiveState:
    """See the module; ``now`` is asked for by one thread at a time."""

    def __init__(self, session: Session, windows: Windows, title: str) -> None:
        self._session, self._windows, self._title = session, windows, title
        self._flow, self._work = Meter(session.scheduler.clock.now()), Meter(real_monotonic())

    def now(self) -> dict[str, Any]:
        """Everything, as plain values for JSON."""
        session = self._session
        clock_s, real_s = session.scheduler.clock.now(), real_monotonic()
        devices = [device.traffic() for device in list(session.devices)]
        windows = self._windows.overview()
        flow, work = _counters(devices, windows)
        work["clock"] = clock_s - session.started_s
        rates = self._flow.rates(clock_s, flow)
        busy = self._work.rates(real_s, work)
        settings = session.settings
        return {
            "run": {
                "title": self._title,
                "source": settings.source,
                "board": session.board.product,
                "is_deterministic": settings.deterministic,
                "seconds": round(clock_s - session.started_s, 1),
                # Seconds of the run's clock per real second.
                "speed": _rounded(busy.get("clock")),
                "is_ending": session.is_ending,
                "failure": str(session.failure) if session.failure else "",
            },
            "windows": [
                window | {"fps": _rounded(rates.get(("window", window["name"])))}
                for window in windows
            ],
            "devices": [_picture(i, device, rates, busy) for i, device in enumerate(devices)],
            "log": [line for device in devices for line in device["log"]][-12:],
        }


def _counters(
    devices: list[dict[str, Any]], windows: list[dict[str, Any]]
) -> tuple[dict[Any, float], dict[Any, float]]:
    """What is counted by the run's clock, and what by the real one."""
    flow: dict[Any, float] = {("window", w["name"]): w["shown"] for w in windows}
    work: dict[Any, float] = {}
    for number, device in enumerate(devices):
        for node in device["nodes"]:
            flow["steps", number, node["id"]] = node["steps"]
            work["busy", number, node["id"]] = node["busy_s"]
        for link in device["links"]:
            flow[("sent", number, *_key(link))] = link["sent"]
            flow[("lost", number, *_key(link))] = link["dropped"]
        for name, queue in device["streams"].items():
            flow["stream", number, name] = queue["received"]
    return flow, work


def _key(link: dict[str, Any]) -> tuple[int, str, int, str]:
    return link["source"], link["output"], link["target"], link["input"]


def _picture(
    number: int, device: dict[str, Any], rates: dict[Any, float], busy: dict[Any, float]
) -> dict[str, Any]:
    """A device's graph with its rates, drawn."""
    nodes, links = device["nodes"], device["links"]
    boxes = [Box(_node_width(node), _NODE_HEIGHT) for node in nodes]
    index = {node["id"]: i for i, node in enumerate(nodes)}
    lines = [
        Line(index[k["source"]], index[k["target"]], _label_width(k), _LABEL_HEIGHT) for k in links
    ]
    width, height = arrange(boxes, lines)
    return {
        "id": device["id"],
        "width": width,
        "height": height,
        "nodes": [
            {
                "id": node["id"],
                "kind": node["kind"],
                "detail": node["detail"],
                "title": node["title"],
                "stream": node["stream"],
                "waiting": node["waiting"],
                "fps": _rounded(rates.get(("steps", number, node["id"]))),
                "busy": _rounded(min(busy.get(("busy", number, node["id"]), 0.0), 1.0), 2),
                # The host's end of a stream.
                "queue": device["streams"].get(node["stream"]),
                "x": round(box.x, 1),
                "y": round(box.y, 1),
                "width": box.width,
                "height": box.height,
            }
            for node, box in zip(nodes, boxes, strict=True)
        ],
        "edges": [
            {
                "from": f"{nodes[line.source]['title']} {link['output']}",
                "to": f"{nodes[line.target]['title']} {link['input']}",
                "output": _port_name(link),
                "sent": link["sent"],
                "fps": _rounded(rates.get(("sent", number, *_key(link)))),
                "dropped": link["dropped"],
                "drops": _rounded(rates.get(("lost", number, *_key(link)))),
                "holds": link["holds"],
                "size": link["size"],
                "blocks": link["blocks"],
                "path": line.path,
                "x": round(line.label_x, 1),
                "y": round(line.label_y, 1),
                "width": line.label_width,
            }
            for link, line in zip(links, lines, strict=True)
        ],
    }


def _port_name(link: dict[str, Any]) -> str:
    return str(link["output"]).rpartition("/")[2]


def _node_width(node: dict[str, Any]) -> float:
    return max(132.0, 34 + 8.6 * max(len(node["kind"]) + len(node["detail"]), len(node["stream"])))


def _label_width(link: dict[str, Any]) -> float:
    return max(92.0, 16 + 6.2 * len(_port_name(link)))


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
