"""Places in space of regions that the host moves."""

import depthai as dai
from _parts import entry, stereo, stream

pipeline = dai.Pipeline()
calculator = pipeline.create(dai.node.SpatialLocationCalculator)
stereo(pipeline).depth.link(calculator.inputDepth)
region = dai.SpatialLocationCalculatorConfigData()
region.roi = dai.Rect(dai.Point2f(0.4, 0.4), dai.Point2f(0.6, 0.6))
calculator.initialConfig.addROI(region)
entry(pipeline, calculator.inputConfig, "config")
stream(pipeline, calculator.out, "places")
with dai.Device(pipeline) as device:
    for count in range(1000):
        device.getOutputQueue("places").get()
        left = 0.1 * (count % 7)
        region.roi = dai.Rect(dai.Point2f(left, 0.4), dai.Point2f(left + 0.2, 0.6))
        config = dai.SpatialLocationCalculatorConfig()
        config.addROI(region)
        device.getInputQueue("config").send(config)
