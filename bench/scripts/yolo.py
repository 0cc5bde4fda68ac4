"""A YOLO network."""

import depthai as dai
from _parts import MODELS, color, read, stream
from _parts import yolo as configure

pipeline = dai.Pipeline()
network = pipeline.create(dai.node.YoloDetectionNetwork)
network.setBlobPath(MODELS / "yolo.blob")
configure(network)
color(pipeline, (416, 416)).preview.link(network.input)
stream(pipeline, network.out, "boxes")
read(pipeline, "boxes")
