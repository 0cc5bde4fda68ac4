"""A host that asks and asks, with sizes and overwriting changed on the way."""

import depthai as dai
from _parts import color, mono, stream

pipeline = dai.Pipeline()
stream(pipeline, color(pipeline, (160, 90)).preview, "rgb")
stream(pipeline, mono(pipeline, "left", 40).out, "left")
with dai.Device(pipeline) as device:
    queues = [device.getOutputQueue(name, 2, False) for name in ("rgb", "left")]
    count = 0
    while True:
        for queue in queues:
            if queue.has():
                queue.get()
                count += 1
        queues[1].setMaxSize(1 + count % 3)
        queues[1].setBlocking(count % 20 > 10)
