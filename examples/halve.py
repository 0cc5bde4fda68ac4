"""From a PyTorch module to the camera's picture, dimmed: one script, step by step.

    oakwright device run examples/halve.py                       without a camera
    oakwright device run --source street.mp4 examples/halve.py   on a video
    python examples/halve.py                                     on an OAK

The steps leave halve.onnx, halve.xml and halve.blob in the folder named on the command line
(`exports` if none is). Put your own forward() in place of the division. q ends it.
"""

import sys
from pathlib import Path

import cv2
import depthai as dai
import numpy as np
import torch

import oakwright
from oakwright.functions import to_onnx

FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else "exports")
SIDE = 300


class Halve(torch.nn.Module):
    def forward(self, image):
        return image / 2


# 1. Module -> ONNX of opset 12, simplified.
exported = to_onnx(Halve(), {"image": torch.ones(1, 3, SIDE, SIDE)}, opset=12)
FOLDER.mkdir(exist_ok=True)
(FOLDER / "halve.onnx").write_bytes(exported.data)
print(f"onnx  opset {exported.opset}, {exported.layers} layers")

# 2. ONNX -> IR -> blob. Frames are bytes, so the input is U8.
result = oakwright.convert(FOLDER / "halve.onnx", input_precision="U8", shaves=6)
result.save(FOLDER / "halve.blob", keep_ir=True)
print(f"blob  {len(result.blob.stages)} stages")

# 3. The pipeline: camera -> network -> host.
pipeline = dai.Pipeline()
camera = pipeline.create(dai.node.ColorCamera)
camera.setPreviewSize(SIDE, SIDE)
camera.setInterleaved(False)
network = pipeline.create(dai.node.NeuralNetwork)
network.setBlobPath(FOLDER / "halve.blob")
camera.preview.link(network.input)
for name, output in (("camera", camera.preview), ("halved", network.out)):
    link = pipeline.create(dai.node.XLinkOut)
    link.setStreamName(name)
    output.link(link.input)

# 4. The picture.
with dai.Device(pipeline) as device:
    frames = device.getOutputQueue("camera", 4, False)
    results = device.getOutputQueue("halved", 4, False)
    while True:
        cv2.imshow("camera", frames.get().getCvFrame())
        planes = np.array(results.get().getFirstLayerFp16()).reshape(3, SIDE, SIDE)
        cv2.imshow("halved", planes.transpose(1, 2, 0).astype(np.uint8))
        if cv2.waitKey(1) == ord("q"):
            break
