"""A Script that has the time and sleeps."""

import depthai as dai
from _parts import read, stream

pipeline = dai.Pipeline()
script = pipeline.create(dai.node.Script)
script.setScript("""
    import json, time
    while True:
        time.sleep(0.03)
        text = json.dumps({'now': Clock.now().total_seconds(), 'host': time.monotonic()})
        buffer = Buffer(len(text))
        buffer.setData(text.encode())
        node.io['out'].send(buffer)
""")
stream(pipeline, script.outputs["out"], "out")
read(pipeline, "out")
