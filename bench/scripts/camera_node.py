"""The Camera node, of each socket."""

import depthai as dai
from _parts import read, stream

pipeline = dai.Pipeline()
for socket in (dai.CameraBoardSocket.CAM_A, dai.CameraBoardSocket.CAM_B):
    camera = pipeline.create(dai.node.Camera)
    camera.setBoardSocket(socket)
    camera.setPreviewSize(320, 240)
    stream(pipeline, camera.preview, socket.name)
read(pipeline, "CAM_A", "CAM_B")
