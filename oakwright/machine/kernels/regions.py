"""Pooling of regions of a feature map. Formulas as in the OpenVINO operations of these names."""

from __future__ import annotations

from typing import Any

import numpy as np

from oakwright.blob import (
    PSROIPoolingParams,
    RoiAlignMode,
    ROIAlignParams,
    ROIFeatureExtractorParams,
    RoiPoolingMethod,
    ROIPoolingParams,
)

from .tensor import Array, Form, Tensor, must_fill

REPACKING = 0  # ROIAlign's step

# Along one side of a cell; a damaged region must not take all memory.
MOST_SAMPLES = 1 << 10


def roi_pooling(params: ROIPoolingParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """ROIPooling (65): each region (image, x0, y0, x1, y1) to pooled_h x pooled_w."""
    x, rois = inputs[0].as_planes(), inputs[1].values.reshape(-1, 5)
    must_fill(outputs[0], (len(rois), x.shape[1], params.pooled_h, params.pooled_w))
    out = np.zeros((len(rois), x.shape[1], params.pooled_h, params.pooled_w), np.float32)
    pool = _bilinear_region if params.method is RoiPoolingMethod.BILINEAR else _max_region
    for region, roi in zip(out, rois, strict=True):
        if roi[0] < 0:  # the end of a list that Proposal left short
            break
        region[:] = pool(params, x[int(roi[0])], roi[1:])
    return out.reshape(outputs[0].shape)


def _max_region(params: ROIPoolingParams, x: Array, roi: Array) -> Array:
    channels, height, width = x.shape
    x0, y0, x1, y1 = np.floor(roi * np.float32(params.spatial_scale) + 0.5).astype(int)
    step_y = np.float32(max(y1 - y0 + 1, 1)) / np.float32(params.pooled_h)
    step_x = np.float32(max(x1 - x0 + 1, 1)) / np.float32(params.pooled_w)
    out = np.zeros((channels, params.pooled_h, params.pooled_w), np.float32)
    for py in range(params.pooled_h):
        top, bottom = (np.clip(int(v) + y0, 0, height) for v in _span(py, step_y))
        for px in range(params.pooled_w):
            left, right = (np.clip(int(v) + x0, 0, width) for v in _span(px, step_x))
            if bottom > top and right > left:
                out[:, py, px] = x[:, top:bottom, left:right].max(axis=(1, 2))
    return out


def _span(i: int, step: Any) -> tuple[Any, Any]:
    return np.floor(np.float32(i) * step), np.ceil(np.float32(i + 1) * step)


def _bilinear_region(params: ROIPoolingParams, x: Array, roi: Array) -> Array:
    """Corners are in 0..1; pooled cells are points spread from corner to corner."""
    _, height, width = x.shape
    y = _points(roi[1], roi[3], height, params.pooled_h)
    z = _points(roi[0], roi[2], width, params.pooled_w)
    inside = ((y >= 0) & (y <= height - 1))[:, None] & ((z >= 0) & (z <= width - 1))[None, :]
    values = sample(x, y[:, None] + 0 * z, z[None, :] + 0 * y[:, None])
    return np.asarray(values * inside)


def _points(first: Any, last: Any, size: int, count: int) -> Array:
    if count == 1:
        return np.array([(first + last) / 2 * (size - 1)], np.float32)
    step = (last - first) * (size - 1) / (count - 1)
    return np.asarray(np.arange(count) * step + first * (size - 1), np.float32)


def sample(x: Array, y: Array, z: Array) -> Array:
    """Bilinear samples of (C, H, W) at rows ``y`` and columns ``z``; the edge beyond it."""
    _, height, width = x.shape
    y, z = np.clip(y, 0, height - 1), np.clip(z, 0, width - 1)
    y0, z0 = np.floor(y).astype(int), np.floor(z).astype(int)
    y1, z1 = np.minimum(y0 + 1, height - 1), np.minimum(z0 + 1, width - 1)
    fy, fz = (y - y0).astype(np.float32), (z - z0).astype(np.float32)
    top = x[:, y0, z0] * (1 - fz) + x[:, y0, z1] * fz
    bottom = x[:, y1, z0] * (1 - fz) + x[:, y1, z1] * fz
    return np.asarray(top * (1 - fy) + bottom * fy)


def psroi_pooling(params: PSROIPoolingParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """PSROIPooling (66), average: each cell of the grid has channels of its own."""
    x, rois = inputs[0].as_planes(), inputs[1].values.reshape(-1, 5)
    _, _, height, width = x.shape
    group, scale = params.group_size, np.float32(params.spatial_scale)
    must_fill(outputs[0], (len(rois), params.output_dim, group, group))
    out = np.zeros((len(rois), params.output_dim, group, group), np.float32)
    for region, roi in zip(out, rois, strict=True):
        if roi[0] < 0:
            break
        corners = np.floor(roi[1:] + np.float32(0.5))
        x0, y0 = corners[:2] * scale
        x1, y1 = (corners[2:] + 1) * scale
        step_y = max(y1 - y0, np.float32(0.1)) / group
        step_x = max(x1 - x0, np.float32(0.1)) / group
        maps = x[int(roi[0])].reshape(params.output_dim, group, group, height, width)
        for py in range(group):
            top = int(np.clip(np.floor(py * step_y + y0), 0, height))
            bottom = int(np.clip(np.ceil((py + 1) * step_y + y0), 0, height))
            for px in range(group):
                left = int(np.clip(np.floor(px * step_x + x0), 0, width))
                right = int(np.clip(np.ceil((px + 1) * step_x + x0), 0, width))
                if bottom > top and right > left:
                    cell = maps[:, py, px, top:bottom, left:right]
                    region[:, py, px] = cell.mean(axis=(1, 2), dtype=np.float32)
    return out.reshape(outputs[0].shape)


def roi_align(params: ROIAlignParams, inputs: list[Tensor], outputs: list[Form]) -> Array:
    """ROIAlign (123): bilinear samples in each cell, averaged or the greatest.

    For wide maps a first stage (step 0) puts the channels into an order that only the second
    (step 1) reads; nothing else sees it, so here both keep the usual one.
    """
    if params.step == REPACKING:
        return inputs[0].values.reshape(outputs[0].shape)
    x, rois = inputs[0].as_planes(), inputs[1].values.reshape(-1, 4)
    batch = inputs[2].values.ravel().astype(int)
    size = (params.pooled_h, params.pooled_w)
    must_fill(outputs[0], (len(rois), x.shape[1], *size))
    out = np.empty((len(rois), x.shape[1], *size), np.float32)
    for region, roi, image in zip(out, rois, batch, strict=True):
        corners = roi * np.float32(params.spatial_scale)
        region[:] = align(
            x[image], corners, size, params.sampling_ratio, params.mode is RoiAlignMode.MAX
        )
    return out.reshape(outputs[0].shape)


def align(x: Array, roi: Array, size: tuple[int, int], sampling: int, greatest: bool) -> Array:
    """One region (x0, y0, x1, y1) in pixels of (C, H, W) -> (C, pooled_h, pooled_w)."""
    channels, height, width = x.shape
    x0, y0, x1, y1 = roi
    rows, count_y = _samples(y0, y1, size[0], sampling)
    columns, count_x = _samples(x0, x1, size[1], sampling)
    y, z = np.meshgrid(rows, columns, indexing="ij")
    inside = (y >= -1) & (y <= height) & (z >= -1) & (z <= width)
    values = sample(x, y, z) * inside
    cells = values.reshape(channels, size[0], count_y, size[1], count_x)
    if greatest:
        return np.asarray(cells.max(axis=(2, 4)))
    return np.asarray(cells.mean(axis=(2, 4), dtype=np.float32))


def _samples(first: Any, last: Any, cells: int, sampling: int) -> tuple[Array, int]:
    """Sample places along one direction, and how many of them are in a cell."""
    length = max(np.float32(last - first), np.float32(1))
    step = length / np.float32(cells)
    count = sampling or int(np.ceil(step))
    if not 0 < count <= MOST_SAMPLES:
        raise ValueError(f"{count} samples along a cell")
    parts = (np.arange(count, dtype=np.float32) + np.float32(0.5)) * (step / np.float32(count))
    places = first + np.arange(cells, dtype=np.float32)[:, None] * step + parts
    return places.ravel().astype(np.float32), count


# Feature Pyramid Networks, eq. 1: a box of 224 pixels belongs to level 4, here the third.
_CANONICAL_SIZE, _CANONICAL_LEVEL = 224.0, 2


def roi_features(
    params: ROIFeatureExtractorParams, inputs: list[Tensor], outputs: list[Form]
) -> list[Array]:
    """ROIFeatureExtractor (108): ROIAlign on the pyramid level that fits each box."""
    rois, maps = inputs[0].values.reshape(-1, 4), [t.as_planes()[0] for t in inputs[1:]]
    size = (params.pooled_h, params.pooled_w)
    must_fill(outputs[0], (len(rois), maps[0].shape[0], *size))
    out = np.zeros((len(rois), maps[0].shape[0], *size), np.float32)
    sides = np.sqrt(np.maximum((rois[:, 2] - rois[:, 0]) * (rois[:, 3] - rois[:, 1]), 0))
    levels = np.floor(_CANONICAL_LEVEL + np.log2(sides / _CANONICAL_SIZE + 1e-6))
    for region, roi, level in zip(out, rois, np.clip(levels, 0, len(maps) - 1), strict=True):
        scale = np.float32(params.pyramid_scales[int(level)])
        region[:] = align(maps[int(level)], roi / scale, size, params.sampling_ratio, False)
    results = [out, rois]
    return [r.reshape(form.shape) for r, form in zip(results, outputs, strict=False)]
