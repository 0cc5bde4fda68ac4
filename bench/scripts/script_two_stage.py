"""Boxes of a first network are cut out for a second, by a Script that spins."""

import depthai as dai
from _parts import MODELS, color, read, stream

pipeline = dai.Pipeline()
camera = color(pipeline)
first = pipeline.create(dai.node.MobileNetDetectionNetwork)
first.setBlobPath(MODELS / "ssd.blob")
first.setConfidenceThreshold(0.3)
camera.preview.link(first.input)
script = pipeline.create(dai.node.Script)
script.setScript("""
    frames = {}
    while True:
        frame = node.io['frames'].tryGet()
        if frame is not None:
            frames[frame.getSequenceNum()] = frame
        found = node.io['boxes'].tryGet()
        if found is None or found.getSequenceNum() not in frames:
            continue
        frame = frames.pop(found.getSequenceNum())
        for number, box in enumerate(found.detections):
            config = ImageManipConfig()
            config.setCropRect(box.xmin, box.ymin, box.xmax, box.ymax)
            config.setResize(100, 100)
            config.setReusePreviousImage(number > 0)
            node.io['config'].send(config)
            if number == 0:
                node.io['picture'].send(frame)
""")
first.passthrough.link(script.inputs["frames"])
first.out.link(script.inputs["boxes"])
manip = pipeline.create(dai.node.ImageManip)
manip.inputConfig.setWaitForMessage(True)
script.outputs["config"].link(manip.inputConfig)
script.outputs["picture"].link(manip.inputImage)
second = pipeline.create(dai.node.NeuralNetwork)
second.setBlobPath(MODELS / "blur.blob")
manip.out.link(second.input)
stream(pipeline, second.out, "nn")
stream(pipeline, second.passthrough, "cut")
read(pipeline, "nn", "cut")
