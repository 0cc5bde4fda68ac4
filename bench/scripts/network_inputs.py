"""A network of two inputs from the host, of which one is sent once."""

import depthai as dai
import numpy as np
from _parts import MODELS, entry, stream

pipeline = dai.Pipeline()
network = pipeline.create(dai.node.NeuralNetwork)
network.setBlobPath(MODELS / "arithmetic.blob")
for name in ("a", "b"):
    entry(pipeline, network.inputs[name], name)
network.inputs["b"].setReusePreviousMessage(True)
network.inputs["b"].setWaitForMessage(False)
stream(pipeline, network.out, "nn")
rng = np.random.default_rng(5)
with dai.Device(pipeline) as device:
    for name, shape in (("b", (4, 1, 10)), *[("a", (4, 6, 10))] * 40):
        message = dai.NNData()
        message.setLayer(name, rng.random(shape).ravel().tolist())
        device.getInputQueue(name).send(message)
        if name == "a":
            device.getOutputQueue("nn").get()
