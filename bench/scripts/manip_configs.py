"""Configs from the host; each makes one picture of a new frame or of the last."""

import depthai as dai
from _parts import color, entry, stream

pipeline = dai.Pipeline()
manip = pipeline.create(dai.node.ImageManip)
manip.inputConfig.setWaitForMessage(True)
color(pipeline).preview.link(manip.inputImage)
manip.inputImage.setBlocking(False)
manip.inputImage.setQueueSize(1)
entry(pipeline, manip.inputConfig, "config")
stream(pipeline, manip.out, "out")
with dai.Device(pipeline) as device:
    configs, out = device.getInputQueue("config"), device.getOutputQueue("out")
    for count in range(1000):
        config = dai.ImageManipConfig()
        config.setCropRect(0.1, 0.1, 0.5 + 0.05 * (count % 8), 0.9)
        config.setReusePreviousImage(count % 3 == 2)
        configs.send(config)
        out.get()
