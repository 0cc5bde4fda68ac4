"""The same with YOLO."""

import depthai as dai
from _parts import MODELS, color, read, stereo, stream, yolo

pipeline = dai.Pipeline()
depth = stereo(pipeline, 10)
network = pipeline.create(dai.node.YoloSpatialDetectionNetwork)
network.setBlobPath(MODELS / "yolo.blob")
yolo(network)
camera = color(pipeline, (416, 416))
camera.setFps(10)
camera.preview.link(network.input)
depth.depth.link(network.inputDepth)
stream(pipeline, network.out, "boxes")
read(pipeline, "boxes")
