"""A stream is clean only if it brings what was declared and follows the scene."""

import itertools

import depthai as dai
import numpy as np
import pytest

from oakwright.device.blocks.formats import encode
from oakwright.device.declared import declared_streams
from oakwright.device.message import image_message, stamp, tensors_message
from oakwright.device.runner import RunResult
from oakwright.device.schema import read_pipeline
from oakwright.device.sources.cuts import CutsSource, still_at
from oakwright.device.verdict import judge, stream_problem
from oakwright.device.witness import Witness, news_in, problem_of, view_of

HOLD_S = 0.5
PREVIEW = {"feeds": [("ColorCamera", "preview")], "sees": True, "steered": False, "sizes": []}
PREVIEW |= {"tensors": {}}
BOXES = PREVIEW | {"feeds": [("DetectionNetwork", "out")]}
TIMES = [number / 10 for number in range(20)]


def picture(value, format="BGR888i", size=(64, 48)):
    """A picture made of a number: equal for equal numbers, all of it different otherwise."""
    pixels = np.random.default_rng(value).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return image_message(encode(pixels, format), socket=0)


def flat(value):
    return image_message(encode(np.full((48, 64, 3), value, np.uint8), "BGR888i"), socket=0)


def boxes(*corners, label=1):
    message, found = dai.ImgDetections(), []
    for left, top, right, bottom in corners:
        one = dai.ImgDetection()
        one.label, one.confidence = label, 0.9
        one.xmin, one.ymin, one.xmax, one.ymax = left, top, right, bottom
        found.append(one)
    message.detections = found
    return message


def verdict_of(messages, said=PREVIEW, times=TIMES, hold_s=HOLD_S):
    witness = Witness()
    for number, (time_s, message) in enumerate(zip(times, messages, strict=False)):
        witness.see(stamp(message, 5.0 + time_s, number))
    kind = type(message).__name__
    stream = {"arrived": number + 1, "kinds": [kind], "kind": kind, "contents": 1}
    return stream_problem(stream | {"judged": witness.report()}, said, 5.0, hold_s)


def test_pictures_that_change_with_the_scene_are_clean():
    assert verdict_of(picture(still_at(t, HOLD_S)) for t in TIMES) == ""


@pytest.mark.parametrize("format", ["BGR888p", "NV12", "GRAY8"])
def test_every_format_is_looked_at(format):
    assert verdict_of(picture(still_at(t, HOLD_S), format) for t in TIMES) == ""
    assert "does not follow" in verdict_of(picture(1, format) for _ in TIMES)


def test_a_picture_that_never_changes_is_not_clean():
    assert "does not follow the scene: 0.0%" in verdict_of(picture(1) for _ in TIMES)


def test_pictures_that_change_by_themselves_are_not_clean():
    problem = verdict_of(picture(number) for number in range(len(TIMES)))
    assert "while the scene stood still" in problem


def test_pictures_that_the_script_moves_may_change_by_themselves():
    steered = PREVIEW | {"steered": True}
    assert verdict_of((picture(n) for n in range(len(TIMES))), steered) == ""
    assert "does not follow" in verdict_of((picture(1) for _ in TIMES), steered)


def test_several_pictures_in_turn_are_nothing_new():
    tiles = itertools.cycle(range(3))
    times = [number / 30 for number in range(60)]
    shown = [picture(10 * still_at(t, HOLD_S) + next(tiles)) for t in times]
    assert verdict_of(shown, times=times) == ""


def test_pictures_of_one_value_are_not_clean_whatever_the_value():
    assert "without contents" in verdict_of(flat(still_at(t, HOLD_S)) for t in TIMES)


def test_one_picture_shows_nothing():
    assert "cannot be told" in verdict_of([picture(1)])


def test_one_scene_shows_nothing():
    assert "one scene only" in verdict_of((picture(1) for _ in range(4)), times=TIMES[:4])


def test_without_cuts_or_camera_pictures_must_change_at_all():
    still = [picture(1) for _ in TIMES]
    assert verdict_of(still, hold_s=None) == "never changed"
    assert verdict_of(still, PREVIEW | {"sees": False}) == "never changed"
    assert verdict_of([*still[:5], picture(2)], PREVIEW | {"sees": False}) == ""


def test_a_picture_of_another_size_than_declared_is_not_clean():
    said = PREVIEW | {"sizes": [(64, 40)]}
    problem = verdict_of((picture(still_at(t, HOLD_S)) for t in TIMES), said)
    assert problem == "brought pictures of 64x48, not 64x40"


def test_a_stream_of_two_outputs_may_bring_what_either_declares():
    both = {"feeds": [("ColorCamera", "preview"), ("MonoCamera", "out")], "sizes": [(64, 40)]}
    shown = [picture(still_at(t, HOLD_S)) for t in TIMES]
    assert verdict_of(shown, PREVIEW | both).endswith("not 64x40")
    assert verdict_of(shown, PREVIEW | both | {"sizes": [(64, 40), (64, 48)]}) == ""


@pytest.mark.parametrize(("count", "problem"), [(8, ""), (9, "brought tensors of a (18 B)")])
def test_tensors_are_those_of_the_blob(count, problem):
    message = tensors_message({"a": np.zeros(count, np.float16)})
    said = PREVIEW | {"feeds": [("NeuralNetwork", "out")], "tensors": {"a": 16}}
    assert verdict_of([message], said).startswith(problem)
    assert bool(problem) == bool(verdict_of([message], said))


def test_a_picture_with_too_few_bytes_is_not_clean():
    message = picture(1)
    message.setHeight(60)
    assert problem_of(message) == "brought a BGR888i picture of 64x60 in 9216 B"


def test_another_class_than_declared_is_not_clean():
    assert verdict_of([boxes()], PREVIEW) == "brought ImgDetections, not ImgFrame"


def test_boxes_that_follow_are_clean():
    def seen(time_s):
        left = 0.1 + 0.2 * (still_at(time_s, HOLD_S) % 3)
        return boxes((left, 0.2, left + 0.2, 0.5))

    assert verdict_of((seen(t) for t in TIMES), BOXES) == ""


def test_boxes_that_stay_are_not_clean():
    problem = verdict_of((boxes((0.1, 0.2, 0.3, 0.5)) for _ in TIMES), BOXES)
    assert "does not follow" in problem


def test_no_boxes_at_all_are_not_clean():
    assert "without contents" in verdict_of((boxes() for _ in TIMES), BOXES)


def test_a_box_inside_out_is_not_clean():
    assert "inside out" in problem_of(boxes((0.5, 0.2, 0.3, 0.5)))


def test_news_of_boxes_is_the_share_without_a_counterpart():
    here, there = (0.1, 0.1, 0.3, 0.3), (0.6, 0.6, 0.8, 0.8)
    assert news_in(view_of(boxes(here)), view_of(boxes(here))) == 0
    assert news_in(view_of(boxes(here, there)), view_of(boxes(here))) == pytest.approx(1 / 3)
    assert news_in(view_of(boxes(here, label=2)), view_of(boxes(here, label=1))) == 1


def test_a_jpeg_is_looked_into():
    cv2 = pytest.importorskip("cv2")

    def jpeg(value):
        pixels = np.random.default_rng(value).integers(0, 256, (96, 128, 3), np.uint8)
        message = dai.ImgFrame()
        message.setType(dai.ImgFrame.Type.BITSTREAM)
        message.setData(cv2.imencode(".jpg", cv2.resize(pixels[::8, ::8], (128, 96)))[1].ravel())
        return message

    assert verdict_of((jpeg(still_at(t, HOLD_S)) for t in TIMES), PREVIEW) == ""
    assert "does not follow" in verdict_of((jpeg(1) for _ in TIMES), PREVIEW)


@pytest.mark.parametrize(("shares", "result"), [((1, 0, 0), "clean"), ((1, 0, 0.4), "failed")])
def test_what_stands_still_must_be_sent_so(shares, result):
    """The host's own pictures are the scene of what is computed from them."""
    witness = Witness()
    for number in range(3):
        witness.see(stamp(picture(1), number / 30, number))
    stream = {"arrived": 3, "kinds": ["ImgFrame"], "contents": 1, "judged": witness.report()}
    report = {
        "streams": {"out": stream},
        "sent": {"in": {"news": [(number / 30, share) for number, share in enumerate(shares)]}},
        "devices": [{"errors": [], "declared": {"out": PREVIEW | {"sees": False}}}],
    }
    assert judge(RunResult("s.py", "clean", 0, "", 1.0, report), HOLD_S)[0] == result


def test_a_logged_error_is_not_clean():
    report = {"devices": [{"errors": ["ImageManip(1): too large"], "declared": {}}]}
    assert judge(RunResult("s.py", "clean", 0, "", 1.0, report)) == (
        "failed",
        "ImageManip(1): too large",
    )


def test_stills_hold_and_cut():
    source = CutsSource(HOLD_S)
    from oakwright.device import BOARDS
    from oakwright.device.sources import Shot

    def frame(time_s):
        return source.frame(Shot(BOARDS["OAK-D"].cameras[1], 0, time_s))

    assert np.array_equal(frame(0.0), frame(0.49))
    apart = np.abs(frame(0.49).astype(int) - frame(0.5)) > 4
    assert apart.mean() > 0.5


def test_what_a_pipeline_declares():
    pipeline = dai.Pipeline()
    left, right = (pipeline.create(dai.node.MonoCamera) for _ in range(2))
    stereo, color = pipeline.create(dai.node.StereoDepth), pipeline.create(dai.node.ColorCamera)
    manip = pipeline.create(dai.node.ImageManip)
    color.setPreviewSize(320, 240)
    manip.initialConfig.setResize(100, 80)
    told = pipeline.create(dai.node.XLinkIn)
    told.setStreamName("told")
    left.setBoardSocket(dai.CameraBoardSocket.CAM_B)
    right.setBoardSocket(dai.CameraBoardSocket.CAM_C)
    left.out.link(stereo.left)
    right.out.link(stereo.right)
    color.preview.link(manip.inputImage)
    outputs = {
        "preview": color.preview,
        "small": manip.out,
        "depth": stereo.depth,
        "told": told.out,
        "isp": color.isp,
    }
    for name, output in outputs.items():
        out = pipeline.create(dai.node.XLinkOut)
        out.setStreamName(name)
        output.link(out.input)
    found = declared_streams(read_pipeline(pipeline))
    assert {name: one["sizes"] for name, one in found.items()} == {
        "preview": [(320, 240)],
        "small": [(100, 80)],
        "depth": [(1280, 720)],
        "told": [],
        "isp": [(1920, 1080)],
    }
    assert [name for name, one in found.items() if not one["sees"]] == ["told"]
    assert found["small"]["feeds"] == [("ImageManip", "out")]
    assert not found["small"]["steered"]
    told.out.link(manip.inputConfig)
    steered = declared_streams(read_pipeline(pipeline))["small"]
    assert steered["steered"]
    assert steered["sizes"] == []
