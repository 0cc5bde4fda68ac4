"""Read a page in front of the camera: one network finds lines of text, another reads them.

    python ocr.py detection.blob recognition.blob characters.txt [--pages N] [--out FOLDER]

An ordinary DepthAI 2 script, for a camera or, with ``oakwright device run``, without one. The blobs
are PP-OCR's two networks for BGR frames, 640x352 and 640x48; the third file has the characters
that the recogniser knows, one a line. ``bench/ocr_page.py`` makes all three.

    ColorCamera preview -> detector -> host: boxes -> ImageManip: a line each -> recogniser -> host
"""

import argparse
import json
from pathlib import Path

import cv2
import depthai as dai
import numpy as np

DETECTOR, RECOGNISER = (640, 352), (640, 48)
THRESHOLD, LEAST_SCORE, LEAST_HEIGHT = 0.3, 0.5, 4
# The detector marks the core of a line; this much of its height belongs to it on every side.
MARGIN = 0.75


def build(detection, recognition):
    """The pipeline; queues frames, boxes, lines to the host, and pages, cuts from it."""
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setResolution(dai.ColorCameraProperties.SensorResolution.THE_1080_P)
    camera.setPreviewSize(*DETECTOR)
    camera.setPreviewKeepAspectRatio(False)
    camera.setInterleaved(False)
    camera.setFps(5)
    detector = pipeline.create(dai.node.NeuralNetwork)
    detector.setBlobPath(detection)
    camera.preview.link(detector.input)
    manip = pipeline.create(dai.node.ImageManip)
    manip.inputConfig.setWaitForMessage(True)
    manip.setMaxOutputFrameSize(RECOGNISER[0] * RECOGNISER[1] * 3)
    recogniser = pipeline.create(dai.node.NeuralNetwork)
    recogniser.setBlobPath(recognition)
    manip.out.link(recogniser.input)
    for name, source in (
        ("frames", camera.video),
        ("boxes", detector.out),
        ("lines", recogniser.out),
    ):
        link = pipeline.create(dai.node.XLinkOut)
        link.setStreamName(name)
        source.link(link.input)
    for name, target in (("pages", manip.inputImage), ("cuts", manip.inputConfig)):
        link = pipeline.create(dai.node.XLinkIn)
        link.setStreamName(name)
        link.setMaxDataSize(1920 * 1080 * 3)
        link.out.link(target)
    return pipeline


def boxes_of(probability):
    """Boxes of lines in a map of text probability (HxW), downwards: x0, y0, x1, y1 in 0..1."""
    height, width = probability.shape
    contours, _ = cv2.findContours(
        (probability > THRESHOLD).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
    )
    found = []
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        if h < LEAST_HEIGHT or probability[y : y + h, x : x + w].mean() < LEAST_SCORE:
            continue
        margin = MARGIN * h
        box = np.array([x - margin, y - margin, x + w + margin, y + h + margin])
        found.append(np.clip(box / [width, height, width, height], 0, 1))
    return sorted(found, key=lambda box: (round(box[1] * 20), box[0]))


def cut_of(box, reuse):
    """The configuration that cuts a box out and fits it into the recogniser's input."""
    cut = dai.ImageManipConfig()
    cut.setCropRect(*(float(edge) for edge in box))
    cut.setResizeThumbnail(*RECOGNISER, 255, 255, 255)
    cut.setFrameType(dai.ImgFrame.Type.BGR888p)
    cut.setReusePreviousImage(reuse)
    return cut


def text_of(scores, characters):
    """What CTC scores (steps x classes, the first class is "nothing") say."""
    best = scores.argmax(axis=1)
    kept = [c for i, c in enumerate(best) if c and (i == 0 or c != best[i - 1])]
    return "".join(characters[c - 1] for c in kept)


def planar(picture):
    """A BGR picture as the frame that ImageManip takes."""
    frame = dai.ImgFrame()
    frame.setType(dai.ImgFrame.Type.BGR888p)
    frame.setWidth(picture.shape[1])
    frame.setHeight(picture.shape[0])
    frame.setData(np.ascontiguousarray(picture.transpose(2, 0, 1)).ravel())
    return frame


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("detection")
    parser.add_argument("recognition")
    parser.add_argument("characters", type=Path)
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    characters = asked.characters.read_text(encoding="utf-8").split("\n")
    with dai.Device(build(asked.detection, asked.recognition)) as device:
        frames, boxes, lines = (
            device.getOutputQueue(name, 4, blocking=False) for name in ("frames", "boxes", "lines")
        )
        pages, cuts = device.getInputQueue("pages"), device.getInputQueue("cuts")
        for _ in range(asked.pages):
            picture = frames.get().getCvFrame()
            scores = np.array(boxes.get().getFirstLayerFp16(), np.float32)
            found = boxes_of(scores.reshape(DETECTOR[::-1]))
            read = []
            for number, box in enumerate(found):
                if number == 0:
                    pages.send(planar(picture))
                cuts.send(cut_of(box, reuse=number > 0))
                scores = np.array(lines.get().getFirstLayerFp16(), np.float32)
                # A class for "nothing", the characters, and a blank after them.
                read.append(text_of(scores.reshape(-1, len(characters) + 2), [*characters, " "]))
                print(read[-1], flush=True)
            if asked.out:
                keep(asked.out, picture, found, read)


def keep(folder, picture, found, read):
    """Write the page with its boxes, and what was read."""
    folder.mkdir(parents=True, exist_ok=True)
    height, width = picture.shape[:2]
    for box, text in zip(found, read, strict=True):
        x0, y0, x1, y1 = (int(v) for v in box * [width, height, width, height])
        cv2.rectangle(picture, (x0, y0), (x1, y1), (0, 160, 0), 2)
        cv2.putText(picture, text, (x0, y0 - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 220), 2)
    cv2.imwrite(str(folder / "page.png"), picture)
    lines = [{"text": text, "box": box.tolist()} for text, box in zip(read, found, strict=True)]
    (folder / "lines.json").write_text(json.dumps(lines, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
