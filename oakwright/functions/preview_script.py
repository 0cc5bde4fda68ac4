"""Show what a vision function makes of the camera's picture: a DepthAI v2 script.

    python THIS.py function.blob            on an OAK
    oakwright device run THIS.py function.blob    without one

The camera feeds every input of the blob with its preview; a picture that comes out is shown, of
numbers the first are printed. q ends it.
"""

import sys

import cv2
import depthai as dai
import numpy as np

blob = dai.OpenVINO.Blob(sys.argv[1])
pipeline = dai.Pipeline()
network = pipeline.create(dai.node.NeuralNetwork)
network.setBlob(blob)

width, height = next(iter(blob.networkInputs.values())).dims[:2]
camera = pipeline.create(dai.node.ColorCamera)
camera.setPreviewSize(width, height)
camera.setInterleaved(False)
for name in blob.networkInputs:
    camera.preview.link(network.inputs[name])

for stream, output in (("source", camera.preview), ("result", network.out)):
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName(stream)
    output.link(link.input)


def as_picture(values, dims):
    """Numbers as a picture, if their shape (width, height, channels, 1) is one's."""
    sides = list(dims[:2])
    channels = len(values) // (sides[0] * sides[1])
    if min(sides) < 8 or channels not in (1, 3):
        return None
    planes = values.reshape(channels, sides[1], sides[0])
    # A darkest value below 0 is shown as black, with 0 in the middle of the grey.
    planes = planes + 128 if planes.min() < -1 else planes
    return planes.transpose(1, 2, 0).clip(0, 255).astype(np.uint8).squeeze()


with dai.Device(pipeline) as device:
    source = device.getOutputQueue("source", 4, False)
    result = device.getOutputQueue("result", 4, False)
    while True:
        cv2.imshow("source", source.get().getCvFrame())
        message = result.get()
        for name, info in blob.networkOutputs.items():
            values = np.array(message.getLayerFp16(name), np.float32)
            picture = as_picture(values, info.dims)
            if picture is None:
                print(name, values[:8])
            else:
                cv2.imshow(name, picture)
        if cv2.waitKey(1) == ord("q"):
            break
