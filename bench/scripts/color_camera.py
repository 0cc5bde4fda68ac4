"""Every size and type that the colour camera makes."""

import depthai as dai
from _parts import color, entry, stream

pipeline = dai.Pipeline()
camera = color(pipeline)
camera.setVideoSize(1280, 720)
camera.setIspScale(2, 3)
for name in ("preview", "video", "isp", "still"):
    stream(pipeline, getattr(camera, name), name)
entry(pipeline, camera.inputControl, "control")
with dai.Device(pipeline) as device:
    queues = {n: device.getOutputQueue(n, 4, False) for n in ("preview", "video", "isp", "still")}
    for count in range(1000):
        if count % 5 == 0:
            control = dai.CameraControl()
            control.setCaptureStill(True)
            device.getInputQueue("control").send(control)
        for name in ("preview", "video", "isp"):
            queues[name].get()
        queues["still"].tryGetAll()
