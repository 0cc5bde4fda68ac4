"""The pipeline as data: assets without copies, ports, and everything unsupported named at once."""

from fnmatch import fnmatchcase

import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak, find_problems
from oakwright.device.nodes import NO_NODES, NODES, PERIPHERAL
from oakwright.device.schema import changed_fields, default_properties, read_pipeline
from oakwright.errors import PipelineError


def test_a_pipeline_is_read_and_left_as_it_was():
    pipeline = dai.Pipeline()
    script = pipeline.create(dai.node.Script)
    script.setScript("node.warn('hello')")
    camera = pipeline.create(dai.node.ColorCamera)
    camera.preview.link(script.inputs["frames"])
    first, second = read_pipeline(pipeline), read_pipeline(pipeline)
    assert bytes(first.nodes[0].asset("asset:__script")) == b"node.warn('hello')"
    assert first.nodes[0].title == "Script(0)"
    assert [(c.source, c.output, c.target, c.input) for c in second.connections] == [
        (1, "preview", 0, "io/frames")
    ]
    port = next(p for p in first.nodes[0].ports if p.name == "frames")
    assert (port.is_input, port.queue_size, port.is_blocking) == (True, 8, True)


def test_a_large_asset_is_no_list_of_numbers():
    pipeline = dai.Pipeline()
    node = pipeline.create(dai.node.Script)
    data = np.random.default_rng(0).integers(0, 255, 20_000_000, dtype=np.uint8)
    asset = dai.Asset("large")
    asset.data = data
    node.getAssetManager().set(asset)
    import time

    started = time.monotonic()
    record = read_pipeline(pipeline).nodes[0]
    assert time.monotonic() - started < 1.0
    assert np.array_equal(record.asset("asset:large"), data)


def test_only_what_the_script_changed_counts_as_changed():
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(100, 50)
    camera.initialControl.setManualFocus(80)
    changed = changed_fields(read_pipeline(pipeline).nodes[0])
    assert changed["previewWidth"] == 100
    assert changed["initialControl.lensPosition"] == 80
    assert "fps" not in changed


def test_every_unsupported_thing_is_named_at_once():
    pipeline = dai.Pipeline()
    manip = pipeline.create(dai.node.ImageManip)
    manip.setWarpMesh([dai.Point2f(0, 0), dai.Point2f(1, 0), dai.Point2f(0, 1)] * 12, 6, 6)
    pipeline.create(dai.node.NeuralNetwork)
    logger = pipeline.create(dai.node.SPIIn)
    logger.setStreamName("spi")
    script = pipeline.create(dai.node.Script)
    script.setScript("if True\n    pass")
    findings = "\n".join(find_problems(read_pipeline(pipeline)))
    assert "NeuralNetwork(1): no blob: call setBlobPath or setBlob" in findings
    assert "Script(3): line 1 of the script:" in findings
    assert "SPIIn" not in findings


def test_a_camera_the_board_does_not_have_is_named_when_the_pipeline_starts():
    pipeline = dai.Pipeline()
    mono = pipeline.create(dai.node.MonoCamera)
    mono.setBoardSocket(dai.CameraBoardSocket.CAM_B)
    with VirtualOak(board="OAK-1", deterministic=True), pytest.raises(PipelineError) as caught:
        dai.Device(pipeline)
    assert "OAK-1 has no camera at socket CAM_B" in str(caught.value)
    assert "choose another board, it has color (CAM_A)" in str(caught.value)


def test_the_table_speaks_the_schemas_language():
    real = {name for name in dir(dai.node) if not name.startswith("_")}
    for kind in (*NODES, *PERIPHERAL):
        assert kind in real, kind
    for kind, node in NODES.items():
        properties = default_properties(kind)
        for pattern in (*node.honoured, *node.harmless):
            field = pattern.split(".")[0]
            assert any(fnmatchcase(name, field) for name in properties), f"{kind}: {pattern}"


def test_every_node_of_depthai_is_there_or_has_its_reason():
    """All classes of ``dai.node`` in depthai 2.33, by the name their pipeline has them under."""
    ours = set(NODES) | set(PERIPHERAL)
    for name in sorted(n for n in dir(dai.node) if not n.startswith("_")):
        if name in NO_NODES:
            assert NO_NODES[name]
            with pytest.raises(ValueError, match="abstract"):
                dai.Pipeline().create(getattr(dai.node, name))
            continue
        pipeline = dai.Pipeline()
        pipeline.create(getattr(dai.node, name))
        assert read_pipeline(pipeline).nodes[0].kind in ours, name
    assert not set(NODES) & set(PERIPHERAL)
    assert all(PERIPHERAL.values())
