"""Camera controls sent from the host or set at the start: pictures change as they are told to."""

import cv2
import depthai as dai
import numpy as np
import pytest

from oakwright.device import VirtualOak

CONTROL = dai.CameraControl


def build(*, mono=False, initial=None, crop=False):
    pipeline = dai.Pipeline()
    if mono:
        camera = pipeline.create(dai.node.MonoCamera)
        camera.setBoardSocket(dai.CameraBoardSocket.CAM_B)
        output = camera.out
    else:
        camera = pipeline.create(dai.node.ColorCamera)
        camera.setPreviewSize(320, 180)
        output = camera.preview
        if crop:
            camera.setVideoSize(640, 360)
            output = camera.video
    if initial is not None:
        initial(camera.initialControl)
    link, control = pipeline.create(dai.node.XLinkOut), pipeline.create(dai.node.XLinkIn)
    link.setStreamName("out")
    control.setStreamName("control")
    output.link(link.input)
    control.out.link(camera.inputControl)
    if crop:
        config = pipeline.create(dai.node.XLinkIn)
        config.setStreamName("config")
        config.out.link(camera.inputConfig)
    return pipeline


def seen(told=None, *, source="scene", board="OAK-D", **options):
    """The picture before the control and the one after it has had its effect; and the log."""
    with (
        VirtualOak(source, board=board, deterministic=True) as oak,
        dai.Device(build(**options)) as device,
    ):
        queue = device.getOutputQueue("out", 1, False)
        before = queue.get().getCvFrame().copy()
        if told is not None:
            message = CONTROL()
            told(message)
            device.getInputQueue("control").send(message)
            # Some that were taken before are still on their way.
            for _ in range(5):
                after = queue.get().getCvFrame()
        else:
            after = before
    return before, after, oak.report()["devices"][0]["log"]


def still(told, **options):
    """Before and after of a picture that does not move."""
    y, x = np.mgrid[0:360, 0:640]
    rough = np.random.default_rng(0).normal(0, 60, (360, 640)).astype(np.float32)
    rough = cv2.GaussianBlur(rough, (0, 0), 1.5)
    colour = np.stack([60 + x / 6, 80 + y / 4, 110 + 30 * np.sin(x / 30)], -1)
    picture = (colour + rough[..., None]).clip(30, 200).astype(np.uint8)
    return seen(told, source=picture, **options)


def test_a_control_that_says_nothing_changes_nothing():
    before, after, log = still(lambda control: None)
    assert np.array_equal(before, after)
    assert log == []


CHANGES = {
    "exposure": (lambda c: c.setManualExposure(5000, 400), lambda b, a: a.mean() < b.mean() * 0.6),
    "iso": (lambda c: c.setManualExposure(20000, 1600), lambda b, a: a.mean() > b.mean() * 1.4),
    "compensation": (
        lambda c: c.setAutoExposureCompensation(-6),
        lambda b, a: a.mean() < b.mean() * 0.7,
    ),
    "brightness": (lambda c: c.setBrightness(4), lambda b, a: 40 < a.mean() - b.mean() < 55),
    "contrast": (lambda c: c.setContrast(-8), lambda b, a: a.std() < b.std() * 0.4),
    "saturation": (
        lambda c: c.setSaturation(-10),
        lambda b, a: np.ptp(a.astype(int), axis=2).max() < 3,
    ),
    "sharpness": (lambda c: c.setSharpness(4), lambda b, a: edges(a) > edges(b) * 1.2),
    "denoise": (lambda c: c.setLumaDenoise(4), lambda b, a: edges(a) < edges(b) * 0.6),
    "lamp": (
        lambda c: c.setManualWhiteBalance(2800),
        lambda b, a: (
            a[..., 0].mean() > b[..., 0].mean() + 15 and a[..., 2].mean() < b[..., 2].mean()
        ),
    ),
    "shade": (
        lambda c: c.setAutoWhiteBalanceMode(CONTROL.AutoWhiteBalanceMode.SHADE),
        lambda b, a: a[..., 2].mean() > b[..., 2].mean() + 5,
    ),
    "effect": (
        lambda c: c.setEffectMode(CONTROL.EffectMode.NEGATIVE),
        lambda b, a: np.abs(a.astype(int) + b - 255).mean() < 1,
    ),
    "focus": (lambda c: c.setManualFocus(255), lambda b, a: edges(a) < edges(b) * 0.3),
}


def edges(pixels):
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


@pytest.mark.parametrize("name", CHANGES)
def test_a_control_shows_whether_it_is_sent_or_set_at_the_start(name):
    told, shows = CHANGES[name]
    plain, after, _ = still(told)
    assert shows(plain, after)
    first, _, _ = still(None, initial=told)
    assert shows(plain, first)
    assert np.abs(first.astype(int) - after).mean() < 2, "but for an ISO's noise the same"


def test_controls_add_up_and_automatic_takes_its_part_back():
    def both(control):
        control.setManualExposure(5000, 400)
        control.setBrightness(4)

    plain, dark, _ = still(both)
    _, again, _ = still(lambda c: c.setAutoExposureEnable(), initial=both)
    _, bright, _ = still(lambda c: c.setBrightness(4))
    assert np.array_equal(again, bright)
    assert plain.mean() < again.mean() > dark.mean()


@pytest.mark.slow
def test_focus_is_on_what_the_scene_has_there():
    """Sharpest where the lens is for the scene's own depth."""
    sharp = {}
    for lens in (60, 125, 255):
        _, after, _ = seen(None, initial=lambda c, lens=lens: c.setManualFocus(lens))
        sharp[lens] = edges(after)
    best = max(sharp, key=sharp.get)
    # Walls and things are 1 to 6 m away: 0.15 to 1 dioptre; 125 is half of one.
    assert best == 125
    assert sharp[255] < sharp[best] / 5
    _, focused, _ = seen(lambda c: c.setAutoFocusTrigger(), initial=lambda c: c.setManualFocus(255))
    automatic = edges(focused)
    assert automatic >= sharp[best]


def test_a_region_is_metered():
    picture = np.full((360, 640, 3), 150, np.uint8)
    picture[:, :320] = 70
    for start, brighter in ((0, True), (960, False)):
        before, after, _ = seen(
            lambda c, start=start: c.setAutoExposureRegion(start, 0, 960, 1080), source=picture
        )
        assert (after.mean() > before.mean()) == brighter
        part = after[:, 20:140] if start == 0 else after[:, 180:300]
        assert ((part / 255.0) ** 2.2).mean() == pytest.approx(0.18, rel=0.1)


def test_a_grey_camera_has_exposure_and_no_lens():
    plain, after, log = still(lambda c: c.setManualExposure(5000, 400), mono=True)
    assert after.mean() < plain.mean() * 0.6
    assert log == []
    plain, after, log = still(lambda c: c.setManualFocus(255), mono=True)
    assert np.array_equal(plain, after)
    assert len(log) == 1
    assert "has no lens that moves" in log[0]


def test_an_exposure_is_no_longer_than_a_frame():
    _, most, _ = still(None, initial=lambda c: c.setManualExposure(33000, 400))
    _, more, _ = still(None, initial=lambda c: c.setManualExposure(500000, 400))
    assert np.abs(most.astype(int) - more).mean() < 1.5


def test_what_cannot_show_is_said_once():
    def told(control):
        control.setAntiBandingMode(CONTROL.AntiBandingMode.MAINS_50_HZ)
        control.setExternalTrigger(1, 0)
        control.setMisc("manual-exposure", 3)

    plain, after, log = still(told, initial=told)
    assert np.array_equal(plain, after)
    assert log == [
        "[ColorCamera(0)] anti-banding, an external trigger, miscControls: without effect here"
    ]


def test_heat_and_distance_have_no_exposure():
    def picture(told):
        pipeline = dai.Pipeline()
        camera, link = pipeline.create(dai.node.Camera), pipeline.create(dai.node.XLinkOut)
        camera.setBoardSocket(dai.CameraBoardSocket.CAM_E)
        camera.setFps(10)
        told(camera.initialControl)
        link.setStreamName("out")
        camera.raw.link(link.input)
        with VirtualOak("scene", board="OAK-T", deterministic=True), dai.Device(pipeline) as device:
            return np.array(device.getOutputQueue("out").get().getData())

    assert np.array_equal(picture(lambda c: None), picture(lambda c: c.setManualExposure(1, 100)))


def test_a_crop_moves_where_it_is_sent():
    """Against the source's own pixels, at three places."""
    rng = np.random.default_rng(3)
    source = cv2.resize(rng.integers(0, 255, (27, 48, 3), np.uint8), (1920, 1080))
    with (
        VirtualOak(source, deterministic=True),
        dai.Device(build(crop=True)) as device,
    ):
        queue, configs = device.getOutputQueue("out", 1, False), device.getInputQueue("config")
        for x, y in ((0.0, 0.0), (0.5, 0.25), (2 / 3, 2 / 3)):
            config = dai.ImageManipConfig()
            config.setCropRect(x, y, 0, 0)
            configs.send(config)
            for _ in range(6):
                message = queue.get()
            left, top = round(x * 1920), round(y * 1080)
            truth = source[top : top + 360, left : left + 640]
            assert cv2.PSNR(message.getCvFrame(), truth) > 30
