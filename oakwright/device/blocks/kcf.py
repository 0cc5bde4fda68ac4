"""A kernelized correlation filter: finds a patch again near where it was, from its grey values.

Henriques, Caseiro, Martins, Batista, "High-Speed Tracking with Kernelized Correlation Filters",
2015: a Gaussian kernel over all shifts of a patch by Fourier transforms. Size is not searched for.
"""

from __future__ import annotations

import cv2
import numpy as np

# Side of the patch in samples, and how much more than the box it holds.
_SIDE, _AROUND = 64, 2.5
_KERNEL, _RIDGE, _SPREAD, _RATE = 0.5, 1e-4, 0.1, 0.05
_HANN = np.outer(np.hanning(_SIDE), np.hanning(_SIDE)).astype(np.float32)

Box = tuple[float, float, float, float]


def _wanted() -> np.ndarray:
    """The answer's transform: a bump at no shift, as wide as a part of the box."""
    shift = np.fft.fftfreq(_SIDE, 1 / _SIDE)
    width = _SPREAD * _SIDE / _AROUND
    bump = np.exp(-(shift[:, None] ** 2 + shift[None] ** 2) / (2 * width**2))
    return np.fft.fft2(bump)


_WANTED = _wanted()


class CorrelationFilter:
    """Follows the patch that ``box`` (left, top, right, bottom in 0..1) holds in a grey picture."""

    def __init__(self, grey: np.ndarray, box: Box) -> None:
        self.box = box
        self._pattern = self._look(grey)
        self._weights = _WANTED / (np.fft.fft2(_kernel(self._pattern, self._pattern)) + _RIDGE)

    def follow(self, grey: np.ndarray) -> float:
        """Move the box to the best answer; gives its height, 1 for the same patch again."""
        shown = self._look(grey)
        answer = np.fft.ifft2(self._weights * np.fft.fft2(_kernel(shown, self._pattern))).real
        down, across = divmod(int(np.argmax(answer)), _SIDE)
        x, y = (_signed(p, answer, axis, (down, across)) for axis, p in ((1, across), (0, down)))
        left, top, right, bottom = self.box
        x, y = (
            share * length * _AROUND / _SIDE
            for share, length in ((x, right - left), (y, bottom - top))
        )
        self.box = left + x, top + y, right + x, bottom + y
        here = self._look(grey)
        weights = _WANTED / (np.fft.fft2(_kernel(here, here)) + _RIDGE)
        self._weights = (1 - _RATE) * self._weights + _RATE * weights
        self._pattern = (1 - _RATE) * self._pattern + _RATE * here
        return float(answer[down, across])

    def _look(self, grey: np.ndarray) -> np.ndarray:
        """The patch around the box, its border faded out; the picture's edge goes on outside."""
        height, width = grey.shape
        left, top, right, bottom = self.box
        scale_x = max((right - left) * width * _AROUND / _SIDE, 1e-3)
        scale_y = max((bottom - top) * height * _AROUND / _SIDE, 1e-3)
        middle = (left + right) / 2 * width, (top + bottom) / 2 * height
        half = _SIDE / 2
        matrix = np.array(
            [[scale_x, 0, middle[0] - half * scale_x], [0, scale_y, middle[1] - half * scale_y]]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        patch = cv2.warpAffine(
            grey, matrix, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        patch -= patch.mean()
        spread: np.ndarray = patch / max(float(patch.std()), 1e-3) * _HANN
        return spread


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The Gaussian kernel of ``one`` against all cyclic shifts of ``other``."""
    crossed = np.fft.ifft2(np.fft.fft2(one) * np.conj(np.fft.fft2(other))).real
    apart = (one**2).sum() + (other**2).sum() - 2 * crossed
    out: np.ndarray = np.exp(-np.maximum(apart, 0) / (_KERNEL**2 * one.size))
    return out


def _signed(place: int, answer: np.ndarray, axis: int, peak: tuple[int, int]) -> float:
    """The peak's shift along an axis, wrapped round zero, refined by the parabola through it."""
    line = answer[:, peak[1]] if axis == 0 else answer[peak[0]]
    before, here, after = line[place - 1], line[place], line[(place + 1) % _SIDE]
    bend = before - 2 * here + after
    part = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float((place + _SIDE // 2) % _SIDE - _SIDE // 2 + part)
