"""What each vision function must compute, by OpenCV or numpy in F32, and how exactly.

An oracle takes the samples by name (F32, planar) and the module, and gives the outputs in order.
``WITHIN`` is max |a - b| / max |b| of PyTorch against it; ``ROUGH`` of the blob against PyTorch
where FP16 makes more than the usual 2e-3 of it, with the reason.
"""

from __future__ import annotations

import cv2
import numpy as np

REFLECT = cv2.BORDER_REFLECT_101


def hwc(a):
    return np.ascontiguousarray(a[0].transpose(1, 2, 0))


def nchw(a):
    return a.transpose(2, 0, 1)[None] if a.ndim == 3 else a[None, None]


def of_frame(function):
    """An oracle of one HWC picture."""
    return lambda samples, module: [nchw(function(hwc(samples["input"]), module))]


def of_two(function):
    return lambda s, m: [function(s["img1"], s["img2"])]


def sobel(x, _):
    along = [
        cv2.Sobel(x, cv2.CV_32F, *d, ksize=3, borderType=REFLECT) / 8 for d in ((1, 0), (0, 1))
    ]
    return np.hypot(*along)


def grey(x):
    return x @ np.array([0.114, 0.587, 0.299], np.float32)


def harris(x, module):
    return cv2.cornerHarris(grey(x), 3, 3, module.k, borderType=REFLECT) / 1024**2


def hsv(x, _):
    made = cv2.cvtColor(x / 255, cv2.COLOR_BGR2HSV)
    return made * np.array([0.5, 255, 255], np.float32)


def morphology(operation):
    def run(x, module):
        return cv2.morphologyEx(x, operation, np.ones((module.size, module.size), np.uint8))

    return of_frame(run)


def edge(x, module):
    kernel = module.kernel[0, 0].numpy()
    return cv2.filter2D(x, cv2.CV_32F, kernel, borderType=REFLECT)


def unsharp(x, m):
    blurred = cv2.GaussianBlur(x, (5, 5), 1.5, borderType=REFLECT)
    return np.clip(x + m.amount * (x - blurred), 0, 255)


def crop_resize(x, m):
    return cv2.resize(x[m.rows, m.columns], m.out[::-1], interpolation=cv2.INTER_LINEAR)


def warp(x, module):
    height, width = x.shape[:2]
    about = ((width - 1) / 2, (height - 1) / 2)
    matrix = cv2.getRotationMatrix2D(about, 15, 1.0)
    return cv2.warpAffine(x, matrix, (width, height), flags=cv2.INTER_LINEAR)


def pyramid(samples, module):
    levels, x = [], hwc(samples["input"])
    for _ in range(module.levels):
        x = cv2.pyrDown(x, borderType=REFLECT)
        levels.append(nchw(x))
    return levels


def match(x, module):
    return cv2.matchTemplate(grey(x), module.template, cv2.TM_CCOEFF_NORMED)


def points(samples, module):
    data = samples["depth"].astype(np.uint8)[0, 0]
    z = np.ascontiguousarray(data).view("<u2").astype(np.float64) / 1000
    height, width = z.shape
    focal = width / 2 / np.tan(np.radians(35))
    camera = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
    v, u = np.mgrid[0:height, 0:width]
    flat = np.stack([u.ravel(), v.ravel()], 1)[:, None].astype(np.float64)
    rays = cv2.undistortPoints(flat, camera, None).reshape(height, width, 2)
    return [np.stack([rays[..., 0] * z, rays[..., 1] * z, z])[None]]


def cosine(s, _):
    a, b = s["a"][0].astype(np.float64), s["b"][0].astype(np.float64)
    return [np.array([[1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)]])]


def euclid(s, _):
    return [np.array([[np.linalg.norm(s["a"].astype(np.float64) - s["b"])]])]


def top_k(s, module):
    scores = np.exp(s["input"][0].astype(np.float64) - s["input"].max())
    order = np.argsort(-scores, kind="stable")[: module.k]
    return [(scores / scores.sum())[order][None], order[None]]


def peaks(s, module):
    maps = s["input"][0]
    scores, places = [], []
    for plane in maps:
        highest = cv2.dilate(plane, np.ones((module.size, module.size), np.uint8))
        flat = np.where(plane >= highest, plane, -1).ravel()
        order = np.argsort(-flat, kind="stable")[: module.k]
        scores.append(flat[order])
        places.append(order)
    return [np.stack(scores)[None], np.stack(places)[None]]


ORACLES = {
    "divide": of_frame(lambda x, m: x / m.by),
    "normalise": of_frame(lambda x, m: (x - m.mean) / m.scale),
    "concat": lambda s, m: [np.concatenate(list(s.values()), 3)],
    "diff": of_two(lambda a, b: a.sum(0) - b.sum(0)),
    "absdiff": of_two(cv2.absdiff),
    "meandiff": of_two(lambda a, b: np.abs(a - b).mean(dtype=np.float64).reshape(1, 1)),
    "box-blur": of_frame(lambda x, m: cv2.blur(x, (5, 5), borderType=REFLECT)),
    "blur": of_frame(lambda x, m: cv2.GaussianBlur(x, (9, 9), 2.5, borderType=REFLECT)),
    "edge": of_frame(edge),
    "unsharp": of_frame(unsharp),
    "sobel": of_frame(sobel),
    "harris": of_frame(harris),
    "threshold": of_frame(lambda x, m: cv2.threshold(grey(x), m.level, 255, cv2.THRESH_BINARY)[1]),
    "erode": morphology(cv2.MORPH_ERODE),
    "dilate": morphology(cv2.MORPH_DILATE),
    "open": morphology(cv2.MORPH_OPEN),
    "close": morphology(cv2.MORPH_CLOSE),
    "grey": of_frame(lambda x, m: cv2.cvtColor(x, cv2.COLOR_BGR2GRAY)),
    "hsv": of_frame(hsv),
    "ycrcb": of_frame(lambda x, m: cv2.cvtColor(x / 255, cv2.COLOR_BGR2YCrCb) * 255),
    "lab": of_frame(lambda x, m: cv2.cvtColor(x / 255, cv2.COLOR_BGR2Lab)),
    "crop-resize": of_frame(crop_resize),
    "warp": of_frame(warp),
    "pyramid": pyramid,
    "points": points,
    "match": of_frame(match),
    "peaks": peaks,
    "cosine": cosine,
    "euclid": euclid,
    "top-k": top_k,
}
# Canny's own test compares edges, pixel near pixel.

WITHIN = {
    "ycrcb": 3e-3,  # OpenCV's middle of floats is 0.5 of 1, not 128 of 255
    "lab": 1e-2,  # OpenCV looks its roots up in a table
    "warp": 8e-2,  # OpenCV rounds places to 1/32 pixel: 8 grey levels on a step of 255
    "match": 1e-2,
}
ROUGH = {
    "lab": 6e-3,  # 500 times a difference of two roots
    "match": 2e-2,  # the deviation of nearly white windows
    "top-k": 5e-3,  # powers of FP16 scores
}
# On or off: few pixels are on the very limit, and those may fall on either side of it.
BINARY = {"canny": 0.01, "threshold": 0.001}
