"""StereoDepth in pipelines on the OAK-D board, judged by the scene's truth."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak
from oakwright.device.scene import CameraModel
from oakwright.device.sources import SceneSource
from oakwright.device.sources.scene import camera_model
from oakwright.errors import OakwrightError
from tests.device.scene_pipelines import (
    ALIGN,
    BOARD,
    COLOR,
    FPS,
    LEFT,
    P400,
    P800,
    RIGHT,
    SCENE,
    collect,
    color_model,
    entry,
    errors_of,
    moment,
    mono_model,
    stereo_pipeline,
    stream,
)


@pytest.mark.parametrize(
    ("resolution", "subpixel", "median_error"),
    [(P400, False, 0.03), (P400, True, 0.02), (P800, False, 0.02)],
)
def test_depth_is_within_5_percent_from_1_to_5_m(resolution, subpixel, median_error):
    pipeline, stereo = stereo_pipeline(lambda s: s.setSubpixel(subpixel), resolution)
    stream(pipeline, stereo.depth, "depth")
    messages, _ = collect(pipeline, ["depth"])
    depth = messages["depth"]
    assert (depth.getType(), depth.getInstanceNum()) == (dai.ImgFrame.Type.RAW16, 2)
    assert depth.getFrame().dtype == np.uint16
    truth = SCENE.render(mono_model(resolution), moment(depth)).depth_mm
    errors, share = errors_of(depth.getFrame(), truth)
    assert np.median(errors) < median_error <= 0.05
    assert share > 0.9


def test_every_output_has_its_type_number_and_camera():
    pipeline, stereo = stereo_pipeline(lambda s: s.setSubpixel(False))
    names = "depth", "disparity", "rectifiedLeft", "rectifiedRight", "syncedLeft", "syncedRight"
    for name in (*names, "confidenceMap"):
        stream(pipeline, getattr(stereo, name), name)
    messages, _ = collect(pipeline, [*names, "confidenceMap"], count=3)
    assert {m.getSequenceNum() for m in messages.values()} == {2}
    assert len({m.getTimestamp() for m in messages.values()}) == 1
    raw8, raw16 = dai.ImgFrame.Type.RAW8, dai.ImgFrame.Type.RAW16
    kinds = {name: m.getType() for name, m in messages.items()}
    assert kinds.pop("depth") == raw16
    assert set(kinds.values()) == {raw8}
    sockets = {name: m.getInstanceNum() for name, m in messages.items()}
    assert sockets.pop("rectifiedLeft") == sockets.pop("syncedLeft") == 1
    assert set(sockets.values()) == {2}
    # Parallel lenses without distortion: rectifying changes nothing.
    for side in ("Left", "Right"):
        same = messages[f"rectified{side}"].getData(), messages[f"synced{side}"].getData()
        assert np.array_equal(*same)
    disparity, depth = messages["disparity"].getFrame(), messages["depth"].getFrame()
    assert disparity.max() <= 95
    known = disparity > 0
    focal = mono_model(P400).fx
    assert np.allclose(depth[known], focal * 75 / disparity[known], atol=1)
    assert not depth[~known].any()


@pytest.mark.parametrize(
    ("configure", "largest", "kind"),
    [
        (lambda s: s.setExtendedDisparity(True), 190, dai.ImgFrame.Type.RAW8),
        (lambda s: s.setSubpixel(True), 760, dai.ImgFrame.Type.RAW16),
        (
            lambda s: (s.setSubpixel(True), s.setSubpixelFractionalBits(5)),
            3040,
            dai.ImgFrame.Type.RAW16,
        ),
    ],
)
def test_disparity_range_is_what_the_api_says(configure, largest, kind):
    pipeline, stereo = stereo_pipeline(configure)
    assert stereo.initialConfig.getMaxDisparity() == largest
    stream(pipeline, stereo.disparity, "disparity")
    message = collect(pipeline, ["disparity"], count=1)[0]["disparity"]
    assert message.getType() == kind
    assert 0 < message.getFrame().max() <= largest


@pytest.mark.parametrize("side", [LEFT, RIGHT, ALIGN.RECTIFIED_LEFT, ALIGN.CENTER])
def test_depth_is_seen_from_the_camera_asked_for(side):
    pipeline, stereo = stereo_pipeline(lambda s: (s.setDepthAlign(side), s.setSubpixel(True)))
    stream(pipeline, stereo.depth, "depth")
    depth = collect(pipeline, ["depth"])[0]["depth"]
    x = {RIGHT: 0.0375, ALIGN.CENTER: 0.0}.get(side, -0.0375)
    truth = SCENE.render(mono_model(P400, x), moment(depth)).depth_mm
    errors, share = errors_of(depth.getFrame(), truth)
    assert np.median(errors) < 0.02
    assert share > 0.9
    other = SCENE.render(mono_model(P400, -x or 0.0375), moment(depth)).depth_mm
    assert np.quantile(errors_of(depth.getFrame(), other)[0], 0.9) > np.quantile(errors, 0.9)


@pytest.mark.parametrize("scale", [None, (2, 3)])
def test_depth_aligned_to_color_has_the_size_of_its_isp_picture(scale):
    pipeline, stereo = stereo_pipeline(
        lambda s: (s.setDepthAlign(COLOR), s.setSubpixel(True)), P800
    )
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setFps(FPS)
    if scale:
        camera.setIspScale(*scale)
    stream(pipeline, camera.isp, "isp")
    stream(pipeline, stereo.depth, "depth")
    messages, _ = collect(pipeline, ["isp", "depth"])
    depth, isp = messages["depth"], messages["isp"]
    size = depth.getWidth(), depth.getHeight()
    assert size == (isp.getWidth(), isp.getHeight()) == ((1280, 720) if scale else (1920, 1080))
    assert depth.getInstanceNum() == 0
    truth = SCENE.render(color_model(*size), moment(depth)).depth_mm
    errors, share = errors_of(depth.getFrame(), truth)
    assert np.median(errors) < 0.02
    assert share > 0.85


def test_output_size_and_aspect_of_aligned_depth():
    for keeps in (True, False):
        pipeline, stereo = stereo_pipeline(
            lambda s, keeps=keeps: (
                s.setDepthAlign(COLOR),
                s.setOutputSize(480, 400),
                s.setOutputKeepAspectRatio(keeps),
                s.setSubpixel(True),
            )
        )
        camera = pipeline.create(dai.node.ColorCamera)
        camera.setFps(FPS)
        stream(pipeline, camera.isp, "isp")
        stream(pipeline, stereo.depth, "depth")
        depth = collect(pipeline, ["depth"])[0]["depth"]
        if keeps:
            # Cut to 480x400 from the 4:3 sensor: its full height is seen.
            focal = camera_model(BOARD.named("color")).fx * 400 / 1440
            model = CameraModel(480, 400, focal, focal, 240, 200)
        else:
            whole = color_model(1920, 1080)
            model = CameraModel(480, 400, whole.fx / 4, whole.fy * 400 / 1080, 240, 200)
        errors, share = errors_of(depth.getFrame(), SCENE.render(model, moment(depth)).depth_mm)
        assert np.median(errors) < 0.02, keeps
        assert share > 0.7


@pytest.mark.parametrize("name", sorted(dai.node.StereoDepth.PresetMode.__members__))
def test_presets_run(name):
    preset = dai.node.StereoDepth.PresetMode.__members__[name]
    pipeline, stereo = stereo_pipeline(lambda s: s.setDefaultProfilePreset(preset), P800)
    stream(pipeline, stereo.depth, "depth")
    depth = collect(pipeline, ["depth"], count=3)[0]["depth"]
    factor = 1280 // depth.getWidth()
    assert factor == (1 if name.startswith("HIGH_A") or name == "HIGH_DENSITY" else 2)
    truth = SCENE.render(mono_model(P800), moment(depth)).depth_mm[::factor, ::factor]
    found = depth.getFrame()
    if name == "FACE":
        assert 0 < found.max() <= 3000
        truth = np.where(truth <= 2900, truth, 0)
    errors, share = errors_of(found, truth)
    assert np.median(errors) < 0.02
    assert share > 0.7


def test_settings_change_while_it_runs():
    pipeline, stereo = stereo_pipeline(lambda s: s.setSubpixel(False))
    entry(pipeline, stereo.inputConfig, "config")
    stream(pipeline, stereo.depth, "depth")
    stream(pipeline, stereo.outConfig, "outConfig")
    source = SceneSource(scene=SCENE)
    with VirtualOak(source=source, deterministic=True), dai.Device(pipeline) as device:
        depth, now = device.getOutputQueue("depth"), device.getOutputQueue("outConfig")
        assert np.count_nonzero(depth.get().getFrame()) > 0
        assert now.get().getMedianFilter() == dai.MedianFilter.KERNEL_5x5
        config = dai.StereoDepthConfig()
        raw = config.get()
        raw.postProcessing.thresholdFilter.maxRange = 2000
        raw.algorithmControl.depthUnit = dai.StereoDepthConfig.AlgorithmControl.DepthUnit.CENTIMETER
        config.set(raw)
        config.setMedianFilter(dai.MedianFilter.MEDIAN_OFF)
        device.getInputQueue("config").send(config)
        for _ in range(4):
            frame, seen = depth.get().getFrame(), now.get()
        assert seen.getMedianFilter() == dai.MedianFilter.MEDIAN_OFF
        assert seen.get().postProcessing.thresholdFilter.maxRange == 2000
        # Centimetres now: everything from 0.7 to 6.5 m.
        assert 60 < np.median(frame[frame > 0]) < 700


def test_pairs_from_the_host_are_matched_by_number():
    pipeline = dai.Pipeline()
    stereo = pipeline.create(dai.node.StereoDepth)
    stereo.setInputResolution(640, 400)
    stereo.setRectification(False)
    for name in ("left", "right"):
        entry(pipeline, getattr(stereo, name), name)
    stream(pipeline, stereo.depth, "depth")
    views = [SCENE.render(mono_model(P400, x), 0.0) for x in (-0.0375, 0.0375)]
    log = []
    with VirtualOak(deterministic=True), dai.Device(pipeline) as device:
        device.addLogCallback(lambda line: log.append(line.payload))
        queues = [device.getInputQueue(name) for name in ("left", "right")]
        # A pair too small, a left picture alone, and a pair.
        for numbers, size in (((0, 0), (320, 200)), ((1, None), None), ((2, 2), None)):
            for queue, view, number, socket in zip(
                queues, views, numbers, (LEFT, RIGHT), strict=True
            ):
                if number is None:
                    continue
                pixels = cv2.cvtColor(view.image, cv2.COLOR_BGR2GRAY)
                message = dai.ImgFrame()
                pixels = cv2.resize(pixels, size) if size else pixels
                message.setType(dai.ImgFrame.Type.RAW8)
                message.setWidth(pixels.shape[1])
                message.setHeight(pixels.shape[0])
                message.setData(pixels.reshape(-1))
                message.setInstanceNum(int(socket.value))
                message.setSequenceNum(number)
                queue.send(message)
        depth = device.getOutputQueue("depth").get()
    assert depth.getSequenceNum() == 2
    errors, _ = errors_of(depth.getFrame(), views[1].depth_mm)
    assert np.median(errors) < 0.03
    assert any("320, 200" in line and "640, 400" in line for line in log)


def test_what_is_not_supported_is_named_before_frames_flow():
    def configure(stereo):
        stereo.setExtendedDisparity(True)
        raw = stereo.initialConfig.get()
        raw.costMatching.enableCompanding = True
        stereo.initialConfig.set(raw)

    pipeline, stereo = stereo_pipeline(configure)
    stream(pipeline, stereo.depth, "depth")
    stream(pipeline, stereo.debugDispCostDump, "dump")
    with (
        VirtualOak(source=SceneSource(scene=SCENE), deterministic=True),
        pytest.raises(OakwrightError) as error,
        dai.Device(pipeline),
    ):
        pass
    assert "enableCompanding with enableExtended is not supported" in str(error.value)
    assert "debugDispCostDump" in str(error.value)


def test_the_chip_s_own_settings_are_said_to_do_nothing():
    def configure(stereo):
        raw = stereo.initialConfig.get()
        raw.costAggregation.horizontalPenaltyCostP1 = 99
        stereo.initialConfig.set(raw)

    pipeline, stereo = stereo_pipeline(configure)
    stream(pipeline, stereo.depth, "depth")
    _, oak = collect(pipeline, ["depth"], count=1)
    text = "\n".join(line for device in oak.report()["devices"] for line in device["log"])
    assert "costAggregation.horizontalPenaltyCostP1" in text


@pytest.mark.parametrize("extended", [False, True])
def test_the_maps_before_the_check_are_of_both_sides(extended):
    pipeline, stereo = stereo_pipeline(lambda s: s.setExtendedDisparity(extended))
    kind = "Ext" if extended else ""
    names = f"debug{kind}DispLrCheckIt1", f"debug{kind}DispLrCheckIt2", "disparity"
    for name in names:
        stream(pipeline, getattr(stereo, name), name)
    messages, _ = collect(pipeline, names, count=1)
    left, right, checked = (messages[name].getFrame() for name in names)
    assert [messages[name].getInstanceNum() for name in names] == [1, 2, 2]
    assert not np.array_equal(left, right)
    assert (checked > 0).sum() < (right > 0).sum()
    focal = mono_model(P400).fx
    for values, x in ((left, -0.0375), (right, 0.0375)):
        depth = np.where(values > 0, focal * 75 / np.maximum(values, 1), 0)
        truth = SCENE.render(mono_model(P400, x), 0.0).depth_mm
        assert np.median(errors_of(depth, truth)[0]) < 0.03


def test_settings_out_of_range_are_named_at_the_start_and_refused_later():
    def configure(stereo):
        raw = stereo.initialConfig.get()
        raw.postProcessing.decimationFilter.decimationFactor = 99
        stereo.initialConfig.set(raw)

    pipeline, stereo = stereo_pipeline(configure)
    stream(pipeline, stereo.depth, "depth")
    with pytest.raises(OakwrightError, match="decimationFactor = 99"):
        collect(pipeline, ["depth"])
    pipeline, stereo = stereo_pipeline()
    entry(pipeline, stereo.inputConfig, "config")
    stream(pipeline, stereo.depth, "depth")
    source = SceneSource(scene=SCENE)
    with VirtualOak(source=source, deterministic=True) as oak, dai.Device(pipeline) as device:
        queue = device.getOutputQueue("depth")
        queue.get()
        config = dai.StereoDepthConfig()
        raw = config.get()
        raw.algorithmControl.disparityShift = 300
        config.set(raw)
        device.getInputQueue("config").send(config)
        for _ in range(4):
            assert queue.get().getFrame().any()
    text = "\n".join(line for each in oak.report()["devices"] for line in each["log"])
    assert "disparityShift = 300" in text


def test_a_calibration_set_while_it_runs_is_used():
    pipeline, stereo = stereo_pipeline()
    for name in ("rectifiedLeft", "syncedLeft"):
        stream(pipeline, getattr(stereo, name), name)
    source = SceneSource(scene=SCENE)
    with VirtualOak(source=source, deterministic=True), dai.Device(pipeline) as device:
        queues = [device.getOutputQueue(name) for name in ("rectifiedLeft", "syncedLeft")]
        before, raw = (queue.get().getFrame() for queue in queues)
        assert np.array_equal(before, raw)
        handler = device.readCalibration()
        handler.setDistortionCoefficients(LEFT, [-0.3] + [0.0] * 13)
        device.setCalibration(handler)
        for _ in range(4):
            after, raw = (queue.get().getFrame() for queue in queues)
        assert not np.array_equal(after, raw)
        # The middle stays where it is.
        assert np.abs(after[195:205, 315:325].astype(int) - raw[195:205, 315:325]).mean() < 8


def test_exchanged_cameras_are_named():
    pipeline = dai.Pipeline()
    stereo = pipeline.create(dai.node.StereoDepth)
    for socket, end in ((RIGHT, stereo.left), (LEFT, stereo.right)):
        camera = pipeline.create(dai.node.MonoCamera)
        camera.setBoardSocket(socket)
        camera.setResolution(P400)
        camera.out.link(end)
    stream(pipeline, stereo.depth, "depth")
    _, oak = collect(pipeline, ["depth"], count=1)
    text = "\n".join(line for each in oak.report()["devices"] for line in each["log"])
    assert "exchanged" in text


def test_one_picture_for_both_sides_is_said_to_have_no_depth(capsys):
    pipeline, stereo = stereo_pipeline()
    stream(pipeline, stereo.depth, "depth")
    flat = np.random.default_rng(1).integers(0, 255, (400, 640, 3), np.uint8)
    with VirtualOak(source=flat, deterministic=True), dai.Device(pipeline) as device:
        for _ in range(3):
            device.getOutputQueue("depth").get()
    assert capsys.readouterr().err.count("left and right see the same picture") == 1
