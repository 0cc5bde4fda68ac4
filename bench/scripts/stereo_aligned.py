"""Filtered depth in the colour camera's view, beside its preview."""

import depthai as dai
from _parts import color, read, stereo, stream

pipeline = dai.Pipeline()
depth = stereo(pipeline, 8)
depth.setDefaultProfilePreset(dai.node.StereoDepth.PresetMode.HIGH_DENSITY)
depth.setDepthAlign(dai.CameraBoardSocket.CAM_A)
depth.setOutputSize(640, 360)
depth.setSubpixel(True)
stream(pipeline, depth.depth, "depth")
camera = color(pipeline)
camera.setFps(8)
stream(pipeline, camera.preview, "rgb")
read(pipeline, "depth", "rgb")
