"""Depth, disparity and the rectified pair."""

import depthai as dai
from _parts import read, stereo, stream

pipeline = dai.Pipeline()
depth = stereo(pipeline)
depth.setLeftRightCheck(True)
names = ("depth", "disparity", "rectifiedLeft", "rectifiedRight")
for name in names:
    stream(pipeline, getattr(depth, name), name)
read(pipeline, *names)
