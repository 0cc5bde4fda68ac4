"""A network, its result and the picture it is of."""

import depthai as dai
from _parts import MODELS, color, read, stream

pipeline = dai.Pipeline()
network = pipeline.create(dai.node.NeuralNetwork)
network.setBlobPath(MODELS / "blur.blob")
color(pipeline, (100, 100)).preview.link(network.input)
stream(pipeline, network.out, "nn")
stream(pipeline, network.passthrough, "picture")
read(pipeline, "nn", "picture")
