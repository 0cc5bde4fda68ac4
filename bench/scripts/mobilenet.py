"""A detection network, all its outputs."""

import depthai as dai
from _parts import MODELS, color, read, stream

pipeline = dai.Pipeline()
network = pipeline.create(dai.node.MobileNetDetectionNetwork)
network.setBlobPath(MODELS / "ssd.blob")
network.setConfidenceThreshold(0.3)
color(pipeline).preview.link(network.input)
stream(pipeline, network.out, "boxes")
stream(pipeline, network.outNetwork, "tensors")
stream(pipeline, network.passthrough, "picture")
read(pipeline, "boxes", "tensors", "picture")
