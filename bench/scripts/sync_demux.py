"""Cameras of different rates in groups, and apart again."""

import depthai as dai
from _parts import mono, read, stream

pipeline = dai.Pipeline()
sync = pipeline.create(dai.node.Sync)
demux = pipeline.create(dai.node.MessageDemux)
for name, fps in (("left", 30), ("right", 10)):
    mono(pipeline, name, fps).out.link(sync.inputs[name])
sync.out.link(demux.input)
stream(pipeline, sync.out, "groups")
for name in ("left", "right"):
    stream(pipeline, demux.outputs[name], name)
read(pipeline, "groups", "left", "right")
