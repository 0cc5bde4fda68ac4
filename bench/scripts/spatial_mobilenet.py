"""Boxes with their places in space."""

import depthai as dai
from _parts import MODELS, color, read, stereo, stream

pipeline = dai.Pipeline()
depth = stereo(pipeline, 10)
depth.setDepthAlign(dai.CameraBoardSocket.CAM_A)
network = pipeline.create(dai.node.MobileNetSpatialDetectionNetwork)
network.setBlobPath(MODELS / "ssd.blob")
network.setConfidenceThreshold(0.3)
network.setBoundingBoxScaleFactor(0.5)
camera = color(pipeline)
camera.setFps(10)
camera.preview.link(network.input)
depth.depth.link(network.inputDepth)
stream(pipeline, network.out, "boxes")
stream(pipeline, network.passthroughDepth, "depth")
read(pipeline, "boxes", "depth")
