"""The pair at different rates."""

import depthai as dai
from _parts import mono, read, stream

pipeline = dai.Pipeline()
for name, fps in (("left", 20), ("right", 25)):
    stream(pipeline, mono(pipeline, name, fps).out, name)
read(pipeline, "left", "right")
