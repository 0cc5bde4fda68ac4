"""A network and a parser apart."""

import depthai as dai
from _parts import MODELS, color, read, stream

pipeline = dai.Pipeline()
network = pipeline.create(dai.node.NeuralNetwork)
network.setBlobPath(MODELS / "ssd.blob")
parser = pipeline.create(dai.node.DetectionParser)
parser.setBlob(dai.OpenVINO.Blob(MODELS / "ssd.blob"))
parser.setNNFamily(dai.DetectionNetworkType.MOBILENET)
parser.setConfidenceThreshold(0.3)
color(pipeline).preview.link(network.input)
network.out.link(parser.input)
stream(pipeline, parser.out, "boxes")
read(pipeline, "boxes")
