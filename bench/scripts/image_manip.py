"""One picture turned, warped, cut and coloured."""

import depthai as dai
from _parts import color, mono, read, stream

pipeline = dai.Pipeline()
camera = color(pipeline)
rect = dai.RotatedRect()
rect.center, rect.size, rect.angle = dai.Point2f(0.5, 0.5), dai.Size2f(0.4, 0.3), 30
corners = [dai.Point2f(*p) for p in ((0.1, 0.1), (0.9, 0.2), (0.8, 0.9), (0.1, 0.8))]
each = {
    "rotated": lambda c: c.setCropRotatedRect(rect, True),
    "warped": lambda c: c.setWarpTransformFourPoints(corners, True),
    "thumbnail": lambda c: c.setResizeThumbnail(200, 100),
    "nv12": lambda c: c.setFrameType(dai.ImgFrame.Type.NV12),
}
for name, configure in each.items():
    manip = pipeline.create(dai.node.ImageManip)
    configure(manip.initialConfig)
    camera.preview.link(manip.inputImage)
    stream(pipeline, manip.out, name)
manip = pipeline.create(dai.node.ImageManip)
manip.initialConfig.setColormap(dai.Colormap.JET, 255)
mono(pipeline, "left").out.link(manip.inputImage)
stream(pipeline, manip.out, "coloured")
read(pipeline, *each, "coloured")
