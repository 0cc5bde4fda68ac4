"""Lines of code and prose that `scaffold` puts into its templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .network import Successive

_MOBILENET = """\
    network = pipeline.create(dai.node.MobileNetDetectionNetwork)
    network.setBlobPath(HERE / "detector.blob")
    network.setConfidenceThreshold(CONFIDENCE)
"""
_YOLO = """\
    settings = json.loads((HERE / "detector.json").read_text())
    settings = settings["nn_config"]["NN_specific_metadata"]
    network = pipeline.create(dai.node.YoloDetectionNetwork)
    network.setBlobPath(HERE / "detector.blob")
    network.setConfidenceThreshold(CONFIDENCE)
    network.setNumClasses(settings["classes"])
    network.setCoordinateSize(settings["coordinates"])
    network.setAnchors(settings["anchors"])
    network.setAnchorMasks(settings["anchor_masks"])
    network.setIouThreshold(settings["iou_threshold"])
"""
_ABOUT = {
    "one-stage": "A detector runs on the camera; the host draws its boxes on the picture it saw.",
    "two-stage": "A detector finds things on the camera, which cuts each out for a second network; "
    "the host\ndraws what both say. `oakwright.apps.TwoStage` holds pipeline, crops and sync.",
    "multi-input": "A Script on the camera sends a network two pictures, the one before and the "
    "one now; it\nanswers how much differs where.",
    "host-sync": "The host shows large pictures with the boxes of a small detector, which may be "
    "slower: both\nstreams are joined by sequence number.",
}
_SAMPLES = {
    "one-stage": "The detector is a sample that finds what is red. For your own:\n"
    "`oakwright app new NAME --detector own.blob --labels background,cat`.",
    "two-stage": "The networks are samples: one finds what is red, the other tells dark from "
    "bright. For your own:\n`oakwright app new NAME --template two-stage --detector own.blob "
    "--recognizer other.blob --names a,b`.",
    "multi-input": "The network is a sample, `abs(now - before)` and a mean. One of your own with "
    "two or more inputs:\n`oakwright functions export own.py:Class -o own.blob`, then "
    "`oakwright app new NAME --template multi-input --network own.blob`.",
    "host-sync": "The detector is a sample that finds what is red. For your own:\n"
    "`oakwright app new NAME --template host-sync --detector own.blob`.",
}
_OWN = (
    "The tests run on the made-up moving picture until a `sample.jpg` stands here: put one of what "
    "the\ndetector is for, and write into `EXPECTED` of `test_main.py` what is to be found in it."
)
_OWN_INPUTS = (
    "The window shows each output's least and greatest number: draw in `main()` what they mean. "
    "The tests\nhold that each answer is of the pictures it belongs to; add what it is to say."
)
_DEVICE_WATCH = """\
    with dai.Device(main.build()) as device:
        return [
            (number, [(d.label, (d.xmin, d.ymin, d.xmax, d.ymax)) for d in found])
            for number, _, found in islice(main.watch(device), count)
        ]
"""
_APP_WATCH = """\
    return [
        (one.number, [(thing.label, thing.box) for thing in one.things])
        for one in islice(main.app.watch(), count)
    ]
"""


def listed(words: Sequence[str]) -> str:
    """A tuple of texts as ruff formats it, on one line."""
    inner = ", ".join(quoted(word) for word in words)
    return f"({inner},)" if len(words) == 1 else f"({inner})"


def quoted(word: str) -> str:
    """A text in double quotes, whatever is in it."""
    body = repr(str(word))
    if body[0] == '"' or '"' in body:
        return body
    inner = body[1:-1].replace("\\'", "'")
    return f'"{inner}"'


def detector_node(confidence: float, has_yolo: bool) -> str:
    """The lines that make the detection network."""
    lines = _YOLO if has_yolo else _MOBILENET
    return lines.replace("CONFIDENCE", repr(confidence))


def yolo_argument(has_yolo: bool) -> str:
    """The argument of ``Detector`` that names the decoder's settings."""
    return '    yolo=HERE / "detector.json",\n' if has_yolo else ""


def about(template: str) -> str:
    """What the application does."""
    return _ABOUT[template]


def next_steps(template: str, has_detector: bool, has_network: bool = False) -> str:
    """What to do next: with a detector of the user's own, with a network of several inputs."""
    if has_network:
        return _OWN_INPUTS
    return _OWN if has_detector else _SAMPLES[template]


def successive_words(network: Successive) -> dict[str, str]:
    """The words of ``multi-input`` for a network of the user's own."""
    width, height = network.size
    return {
        "inputs": listed(network.names),
        "size": repr((width, height)),
        "color": network.color,
        "about": "A Script on the camera gives the network pictures that follow each other, the "
        "oldest at its\nfirst input; the host shows the newest one and what the network says.",
        "outputs": ", ".join(f"{n} {list(shape)}" for n, shape in network.outputs.items()),
    }


def own_watch(template: str) -> dict[str, str]:
    """How tests of the user's own networks look at the application."""
    if template == "two-stage":
        return {"test_imports": "import main\n", "watched": _APP_WATCH}
    return {"test_imports": "import depthai as dai\n\nimport main\n", "watched": _DEVICE_WATCH}


def expected_text(expected: Sequence[tuple[int, tuple[float, float, float, float]]]) -> str:
    """A list of (label, box) as code, one a line."""
    if not expected:
        return "[]"
    rows = []
    for label, box in expected:
        corners = ", ".join(f"{float(v):.3f}" for v in box)
        rows.append(f"    ({int(label)}, ({corners})),")
    return "\n".join(["[", *rows, "]"])
