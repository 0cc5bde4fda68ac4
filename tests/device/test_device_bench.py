"""The bench judges scripts by what their streams bring."""

from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from oakwright.cli.device import device_group
from oakwright.device import Need, Plan, as_markdown, bench_scripts, read_needs
from oakwright.errors import UsageError

# A camera, and a script on the device that passes something on for each of its pictures.
PASSES_ON = """
    import depthai as dai
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.MonoCamera)
    camera.setResolution(dai.MonoCameraProperties.SensorResolution.THE_400_P)
    script = pipeline.create(dai.node.Script)
    out = pipeline.create(dai.node.XLinkOut)
    out.setStreamName("out")
    camera.out.link(script.inputs["in"])
    script.outputs["out"].link(out.input)
    script.setScript('''
        import time
        first = None
        number = 0
        while True:
            frame = node.io["in"].get()
            if first is None:
                first = bytes(frame.getData())
            number += 1
            {body}
            node.io["out"].send(frame)
    ''')
    with dai.Device(pipeline) as device:
        queue = device.getOutputQueue("out")
        while True:
            queue.get()
"""
BODIES = {
    "follows": "pass",
    "frozen": "frame.setData(first)",
    "flat": "frame.setData(bytes([number % 256]) * len(first))",
    "its_own": "frame.setData(bytes([(number * 53) % 256, 128]) * (len(first) // 2))",
}
KEYS = """
    import cv2
    import depthai as dai
    import sys
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    out = pipeline.create(dai.node.XLinkOut)
    out.setStreamName("out")
    camera.preview.link(out.input)
    assert sys.argv[1] == "--twice" and sys.argv[2].endswith("models/a.blob"), sys.argv
    with dai.Device(pipeline) as device:
        queue, pressed = device.getOutputQueue("out"), ""
        while pressed != "cs":
            queue.get()
            key = cv2.waitKey(1)
            assert key != ord("q"), pressed
            if key != -1:
                pressed += chr(key)
        while queue.get().getTimestamp().total_seconds() < 2:
            pass
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")
    for name, body in BODIES.items():
        (folder / f"{name}.py").write_text(dedent(PASSES_ON.replace("{body}", body)))
    (folder / "keys.py").write_text(dedent(KEYS))
    (folder / "tags.py").write_text(
        "import depthai as dai\n"
        "pipeline = dai.Pipeline()\n"
        "tag = pipeline.create(dai.node.AprilTag)\n"
        "tag.initialConfig.setFamily(dai.AprilTagConfig.Family.TAG_CIR21H7)\n"
        "dai.Device(pipeline)\n"
    )
    (folder / "flashes.py").write_text("import depthai as dai\ndai.Device().flashCalibration(1)\n")
    (folder / "asks.py").write_text(
        "import sys\nimport depthai\nsys.exit(f'run {sys.executable} in {sys.path[0]}/models')\n"
    )
    needs = {"keys.py": Need(("--twice", "{models}/a.blob"), ((0.3, "c"), (0.8, "s")), 3.0)}
    plan = Plan(seconds=1.2, limit_s=60, needs=needs)
    return {row.script: row for row in bench_scripts(folder, plan, jobs=2)} | {"plan": plan}


def test_a_stream_that_follows_is_clean(rows):
    assert (rows["follows.py"].result, rows["follows.py"].reason) == ("clean", "")
    assert rows["follows.py"].frames > 20


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("frozen", "0.0% of it changed at the cuts"),
        ("flat", "without contents"),
        ("its_own", "while the scene stood still"),
    ],
)
def test_a_stream_that_does_not_is_not(rows, name, why):
    row = rows[f"{name}.py"]
    assert row.result == "failed"
    assert why in row.reason


def test_a_script_gets_its_arguments_and_keys(rows):
    assert rows["keys.py"].result == "clean", rows["keys.py"]


def test_an_unsupported_setting_is_refused_by_name(rows):
    row = rows["tags.py"]
    assert row.result == "refused"
    assert "AprilTag(0): family" in row.reason
    assert row.nodes == ("AprilTag",)


def test_a_reason_names_no_path_of_this_machine(rows):
    assert rows["asks.py"].reason == "the script exited with run python in models"


def test_what_writes_to_the_camera_is_apart(rows):
    assert rows["flashes.py"].result == "apart"


def test_the_table_says_what_each_script_got(rows):
    plan = rows["plan"]
    text = as_markdown([row for name, row in rows.items() if name != "plan"], plan)
    assert text.startswith("2 of 7 scripts clean, 1 refused, 4 failed; 1 apart.")
    assert "- keys.py: `--twice {models}/a.blob`, key `c` at 0.3 s, key `s` at 0.8 s, 3 s" in text


def test_needs_are_read_from_a_file(tmp_path):
    path = tmp_path / "needs.yaml"
    path.write_text("a/b.py: {arguments: [-n, 3], keys: {1.5: c}, seconds: 4, source: scene}\n")
    assert read_needs(path) == {"a/b.py": Need(("-n", "3"), ((1.5, "c"),), 4.0, "scene")}


@pytest.mark.parametrize("text", ["a.py: {key: c}", "a.py: [", "- a", "a.py: {keys: {x: c}}"])
def test_needs_of_another_form_are_refused(tmp_path, text):
    path = tmp_path / "needs.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match="no list of what scripts need"):
        read_needs(path)


def test_the_command_lists_scripts_and_writes_the_table(tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "plain.py").write_text("print('no camera')\n")
    out = tmp_path / "table.md"
    done = CliRunner().invoke(device_group, ["bench", str(folder), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "0 clean, 0 refused, 0 failed, 1 apart" in done.output
    assert "- plain.py: no DepthAI script" in Path(out).read_text()
