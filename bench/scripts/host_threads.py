"""Threads and callbacks of the host's own take messages side by side."""

import threading
import time

import depthai as dai
from _parts import color, mono, stream

pipeline = dai.Pipeline()
stream(pipeline, color(pipeline, (160, 90)).preview, "rgb")
for name in ("left", "right"):
    stream(pipeline, mono(pipeline, name, 30).out, name)
seen = []


def take(queue):
    """Until the run ends."""
    while True:
        seen.append(queue.get().getSequenceNum())


with dai.Device(pipeline) as device:
    device.getOutputQueue("rgb", 4, False).addCallback(lambda message: seen.append(message))
    for name in ("left", "right"):
        queue = device.getOutputQueue(name, 4, False)
        threading.Thread(target=take, args=(queue,), daemon=True).start()
    while True:
        time.sleep(0.01)
