"""Pictures go to the host and back into the device."""

import depthai as dai
from _parts import MODELS, color, entry, stream

pipeline = dai.Pipeline()
stream(pipeline, color(pipeline, (100, 100)).preview, "rgb")
network = pipeline.create(dai.node.NeuralNetwork)
network.setBlobPath(MODELS / "blur.blob")
entry(pipeline, network.input, "in")
stream(pipeline, network.out, "nn")
with dai.Device(pipeline) as device:
    while True:
        device.getInputQueue("in").send(device.getOutputQueue("rgb").get())
        device.getOutputQueue("nn").get()
