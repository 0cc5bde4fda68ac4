"""A DepthAI application as one writes it: says when something moves in front of the camera.

Runs on a real OAK: ``python motion.py``; without one: ``oakwright device run motion.py``.
"""

import cv2
import depthai as dai
import numpy as np

# Mean difference of grey levels between neighbouring frames that counts as motion.
THRESHOLD = 0.2


def make_pipeline() -> dai.Pipeline:
    pipeline = dai.Pipeline()
    camera = pipeline.create(dai.node.ColorCamera)
    camera.setPreviewSize(320, 180)
    camera.setFps(10)
    shrink = pipeline.create(dai.node.ImageManip)
    shrink.initialConfig.setResize(160, 90)
    shrink.initialConfig.setFrameType(dai.ImgFrame.Type.GRAY8)
    camera.preview.link(shrink.inputImage)
    out = pipeline.create(dai.node.XLinkOut)
    out.setStreamName("grey")
    shrink.out.link(out.input)
    return pipeline


def watch(frames: int) -> list[int]:
    """Numbers of the frames in which something moved, of that many frames."""
    moved, last = [], None
    with dai.Device(make_pipeline()) as device:
        queue = device.getOutputQueue("grey", maxSize=4, blocking=False)
        for _ in range(frames):
            message = queue.get()
            grey = cv2.GaussianBlur(message.getCvFrame(), (5, 5), 0).astype(np.float32)
            if last is not None and np.abs(grey - last).mean() > THRESHOLD:
                moved.append(message.getSequenceNum())
            last = grey
    return moved


if __name__ == "__main__":
    while True:
        for number in watch(100):
            print("motion in frame", number)
