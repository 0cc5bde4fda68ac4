"""Detectors: SSD, YOLO, two-stage; regions; decoding of sequences."""

import numpy as np
from openvino import opset1

from oakwright.blob import StageType as T

from .builder import Net, half, node
from .case import case


def ints(*values):
    return opset1.constant(np.array(values, np.int64))


# --- YOLO --------------------------------------------------------------------------------------


@case("region_yolo_softmax", T.RegionYolo)
def _(net: Net):
    x = net.input(1, 3 * 9, 6, 7, low=-3, high=3)
    return node(
        1,
        "RegionYolo",
        [x],
        coords=4,
        classes=4,
        num=3,
        do_softmax=True,
        mask=[],
        axis=1,
        end_axis=3,
        anchors=[1.0, 1.5, 2.0, 2.5, 3.0, 3.5],
    )


@case("region_yolo_sigmoid", T.RegionYolo)
def _(net: Net):
    x = net.input(1, 3 * 9, 6, 7, low=-3, high=3)
    return node(
        1,
        "RegionYolo",
        [x],
        coords=4,
        classes=4,
        num=6,
        do_softmax=False,
        mask=[0, 1, 2],
        axis=1,
        end_axis=3,
        anchors=[float(i) for i in range(1, 13)],
    )


@case("region_yolo_80_classes", T.RegionYolo)
def _(net: Net):
    y = net.conv(net.input(1, 16, 13, 13), 255, 1)
    return node(
        1,
        "RegionYolo",
        [y],
        coords=4,
        classes=80,
        num=9,
        do_softmax=False,
        mask=[0, 1, 2],
        axis=1,
        end_axis=3,
        anchors=[float(i) for i in range(1, 19)],
    )


# --- SSD ---------------------------------------------------------------------------------------


def grid_priors(rows: int, columns: int, sizes=(0.2, 0.35)) -> np.ndarray:
    """(rows * columns * sizes, 4) square boxes around the centres of cells."""
    y, x = np.meshgrid(
        (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij"
    )
    boxes = [np.stack([x - s / 2, y - s / 2, x + s / 2, y + s / 2], axis=-1) for s in sizes]
    return np.stack(boxes, axis=2).reshape(-1, 4)


def scores(count: int, classes: int, seed_offset: int = 0):
    """Confidences (1, count * classes) of which none are close: the order is defined."""

    def make(rng: np.random.Generator) -> np.ndarray:
        values = (rng.permutation(count * classes) + 1) / (count * classes + 1)
        return half(np.round(values * 2048) / 2048).reshape(1, -1)

    return make


DETECTION = {
    "num_classes": 4,
    "background_label_id": 0,
    "top_k": 30,
    "variance_encoded_in_target": False,
    "keep_top_k": [12],
    "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
    "share_location": True,
    "nms_threshold": 0.45,
    "confidence_threshold": 0.4,
    "clip_after_nms": False,
    "clip_before_nms": False,
    "decrease_label_id": False,
    "normalized": True,
    "input_height": 1,
    "input_width": 1,
    "objectness_score": 0.0,
}
for name, change in {
    "center_size": {},
    "corner": {"code_type": "caffe.PriorBoxParameter.CORNER"},
    "clipped_after": {"clip_after_nms": True},
    "clipped_before": {"clip_before_nms": True},
    "variance_in_target": {"variance_encoded_in_target": True},
    "own_location_per_class": {"share_location": False},
    "keep_all": {"keep_top_k": [100], "top_k": 100},
    "no_background": {"background_label_id": -1},
    "decrease_label": {"decrease_label_id": True},
    "pixels": {"normalized": False, "input_height": 64, "input_width": 96},
}.items():

    @case(f"detection_output_{name}", T.DetectionOutput)
    def _(net: Net, change=change):
        attributes = DETECTION | change
        priors = grid_priors(4, 5)
        count = len(priors)
        classes = attributes["num_classes"]
        per_class = 1 if attributes["share_location"] else classes
        loc = net.input(1, count * per_class * 4, low=-0.6, high=0.6)
        conf = net.input(1, count * classes, values=scores(count, classes))
        if not attributes["normalized"]:
            pixels = priors * [96, 64, 96, 64]
            boxes = np.concatenate([np.zeros((count, 1)), pixels], axis=1).reshape(-1)
            variances = np.zeros(count * 5)
            variances[: count * 4] = np.tile([0.1, 0.1, 0.2, 0.2], count)
        else:
            boxes = priors.reshape(-1)
            variances = np.tile([0.1, 0.1, 0.2, 0.2], count)
        rows = [boxes] if attributes["variance_encoded_in_target"] else [boxes, variances]
        table = net.const(np.stack(rows)[None])
        return node(1, "DetectionOutput", [loc, conf, table], **attributes)


@case("detection_output_refined", T.DetectionOutput)
def _(net: Net):
    priors = grid_priors(4, 5)
    count = len(priors)
    loc = net.input(1, count * 4, low=-0.4, high=0.4)
    conf = net.input(1, count * 4, values=scores(count, 4))
    table = net.const(np.stack([priors.reshape(-1), np.tile([0.1, 0.1, 0.2, 0.2], count)])[None])
    arm_conf = net.input(1, count * 2, low=0, high=1)
    arm_loc = net.input(1, count * 4, low=-0.4, high=0.4)
    return node(
        1,
        "DetectionOutput",
        [loc, conf, table, arm_conf, arm_loc],
        **(DETECTION | {"objectness_score": 0.3}),
    )


@case("prior_box_net", T.DetectionOutput)
def _(net: Net):
    image = net.input(1, 3, 64, 64)
    features = net.relu(net.conv(net.max_pool(image, 4), 16, 3, s=2, pad=1))  # 8x8
    per_cell = 4
    loc = net.shape(net.transpose(net.conv(features, per_cell * 4, 3), 0, 2, 3, 1), 1, -1)
    conf = net.transpose(net.conv(features, per_cell * 3, 3), 0, 2, 3, 1)
    conf = net.shape(opset1.softmax(net.shape(conf, 1, -1, 3), 2), 1, -1)
    boxes = node(
        1,
        "PriorBox",
        [ints(8, 8), ints(64, 64)],
        min_size=[16.0],
        max_size=[30.0],
        aspect_ratio=[2.0],
        flip=True,
        clip=False,
        offset=0.5,
        step=0.0,
        variance=[0.1, 0.1, 0.2, 0.2],
        scale_all_sizes=True,
        density=[],
        fixed_ratio=[],
        fixed_size=[],
    )
    boxes = net.shape(boxes, 1, 2, -1)
    attributes = DETECTION | {"num_classes": 3, "confidence_threshold": 0.2}
    return node(1, "DetectionOutput", [loc, conf, boxes], **attributes)


@case("prior_box_clustered_net", T.DetectionOutput)
def _(net: Net):
    image = net.input(1, 3, 64, 64)
    features = net.relu(net.conv(net.max_pool(image, 4), 16, 3, s=2, pad=1))  # 8x8
    loc = net.shape(net.transpose(net.conv(features, 12, 3), 0, 2, 3, 1), 1, -1)
    conf = net.transpose(net.conv(features, 9, 3), 0, 2, 3, 1)
    conf = net.shape(opset1.softmax(net.shape(conf, 1, -1, 3), 2), 1, -1)
    boxes = node(
        1,
        "PriorBoxClustered",
        [ints(8, 8), ints(64, 64)],
        width=[10.0, 20.0, 30.0],
        height=[12.0, 18.0, 24.0],
        clip=False,
        offset=0.5,
        step=8.0,
        step_w=0.0,
        step_h=0.0,
        variance=[0.1, 0.1, 0.2, 0.2],
    )
    boxes = net.shape(boxes, 1, 2, -1)
    attributes = DETECTION | {"num_classes": 3, "confidence_threshold": 0.2}
    return node(1, "DetectionOutput", [loc, conf, boxes], **attributes)


# --- two-stage detectors -----------------------------------------------------------------------

PROPOSAL = {
    "base_size": 16,
    "pre_nms_topn": 60,
    "post_nms_topn": 20,
    "nms_thresh": 0.6,
    "feat_stride": 16,
    "min_size": 8,
    "ratio": [0.5, 1.0, 2.0],
    "scale": [2.0, 4.0],
    "clip_before_nms": True,
    "clip_after_nms": False,
    "normalize": False,
    "box_size_scale": 1.0,
    "box_coordinate_scale": 1.0,
    "framework": "",
}
for name, change in {
    "caffe": {},
    "tensorflow": {"framework": "tensorflow", "box_size_scale": 5.0, "box_coordinate_scale": 10.0},
    "normalized": {"normalize": True},
    "clipped_after": {"clip_after_nms": True, "clip_before_nms": False},
    "few": {"min_size": 30, "pre_nms_topn": 40, "post_nms_topn": 60},
}.items():

    @case(f"proposal_{name}", T.Proposal)
    def _(net: Net, change=change):
        attributes = PROPOSAL | change
        anchors = len(attributes["ratio"]) * len(attributes["scale"])
        height, width = 5, 6

        def chances(rng):
            return scores(2 * anchors * height, width)(rng).reshape(1, 2 * anchors, height, width)

        cls = net.input(1, 2 * anchors, height, width, values=chances)
        shifts = net.input(1, 4 * anchors, height, width, low=-0.3, high=0.3)
        info = net.const([80.0, 96.0, 1.0])
        return node(1, "Proposal", [cls, shifts, info], **attributes)


@case("proposal_with_scores", T.Proposal)
def _(net: Net):
    anchors, height, width = 6, 5, 6

    def chances(rng):
        return scores(2 * anchors * height, width)(rng).reshape(1, 2 * anchors, height, width)

    cls = net.input(1, 2 * anchors, height, width, values=chances)
    shifts = net.input(1, 4 * anchors, height, width, low=-0.3, high=0.3)
    made = node(4, "Proposal", [cls, shifts, net.const([80.0, 96.0, 1.0])], **PROPOSAL)
    return [made.get_node().output(0), made.get_node().output(1)]


def boxes(count: int, height: float, width: float, batch: bool = True, unit: float = 1.0):
    """Regions (count, 5) or (count, 4) inside a plane, away from rounding borders."""

    def make(rng: np.random.Generator) -> np.ndarray:
        low = rng.uniform(0, 0.55, (count, 2)) * [width, height]
        size = rng.uniform(0.2, 0.4, (count, 2)) * [width, height]
        corners = np.concatenate([low, low + size], axis=1)
        if unit != 1:
            corners = np.floor(corners / unit) * unit + 0.3 * unit
        return half(np.concatenate([np.zeros((count, 1)), corners], axis=1) if batch else corners)

    return make


@case("roi_pooling_max", T.ROIPooling)
def _(net: Net):
    rois = net.input(5, 5, values=boxes(5, 160, 224, unit=16.0), name="rois")
    return node(
        2,
        "ROIPooling",
        [net.input(1, 8, 10, 14), rois],
        output_size=[3, 4],
        spatial_scale=1 / 16,
        method="max",
    )


@case("roi_pooling_bilinear", T.ROIPooling)
def _(net: Net):
    rois = net.input(5, 5, values=boxes(5, 1, 1), name="rois")
    return node(
        2,
        "ROIPooling",
        [net.input(1, 8, 10, 14), rois],
        output_size=[3, 4],
        spatial_scale=1.0,
        method="bilinear",
    )


@case("psroi_pooling", T.PSROIPooling)
def _(net: Net):
    rois = net.input(5, 5, values=boxes(5, 160, 224, unit=16.0), name="rois")
    return node(
        1,
        "PSROIPooling",
        [net.input(1, 36, 10, 14), rois],
        output_dim=4,
        group_size=3,
        spatial_scale=1 / 16,
        mode="average",
        spatial_bins_x=1,
        spatial_bins_y=1,
    )


for mode in ("avg", "max"):
    for sampling in (0, 2):

        @case(f"roi_align_{mode}_{sampling}", T.ROIAlign)
        def _(net: Net, mode=mode, sampling=sampling):
            rois = net.input(4, 4, values=boxes(4, 40, 56, batch=False), name="rois")
            return node(
                3,
                "ROIAlign",
                # As after a ReLU: OpenVINO's maximum starts from 0.
                [net.input(1, 8, 10, 14, low=0), rois, opset1.constant(np.zeros(4, np.int32))],
                pooled_h=3,
                pooled_w=4,
                sampling_ratio=sampling,
                spatial_scale=0.25,
                mode=mode,
            )


@case("roi_align_wide", T.ROIAlign)
def _(net: Net):
    rois = net.input(4, 4, values=boxes(4, 40, 800, batch=False), name="rois")
    images = opset1.constant(np.zeros(4, np.int32))
    return node(
        3,
        "ROIAlign",
        [net.input(1, 8, 10, 200), rois, images],
        pooled_h=3,
        pooled_w=4,
        sampling_ratio=2,
        spatial_scale=0.25,
        mode="avg",
    )


@case("detectron_top_rois", T.ExpTopKROIs)
def _(net: Net):
    return node(
        6,
        "ExperimentalDetectronTopKROIs",
        [
            net.input(30, 4, low=0, high=60),
            net.input(30, values=lambda rng: half(rng.permutation(30) / 32)),
        ],
        max_rois=10,
    )


@case("detectron_proposals", T.ExpGenerateProposals)
def _(net: Net):
    anchors = np.concatenate([grid_priors(4, 5, (0.3, 0.6, 0.9))]) * [80, 64, 80, 64]
    made = node(
        6,
        "ExperimentalDetectronGenerateProposalsSingleImage",
        [
            net.const([64.0, 80.0, 1.0]),
            net.const(anchors),
            net.input(12, 4, 5, low=-0.3, high=0.3),
            net.input(3, 4, 5, values=lambda rng: half(rng.permutation(60) / 64).reshape(3, 4, 5)),
        ],
        min_size=4.0,
        nms_threshold=0.6,
        post_nms_count=15,
        pre_nms_count=40,
    )
    return [made.get_node().output(0), made.get_node().output(1)]


@case("detectron_detection_output", T.ExpDetectionOutput)
def _(net: Net):
    made = node(
        6,
        "ExperimentalDetectronDetectionOutput",
        [
            net.input(16, 4, values=boxes(16, 64, 80, batch=False)),
            net.input(16, 12, low=-0.5, high=0.5),
            net.input(16, 3, values=lambda rng: half(rng.permutation(48) / 64).reshape(16, 3)),
            net.const([[64.0, 80.0, 1.0]]),
        ],
        score_threshold=0.2,
        nms_threshold=0.5,
        num_classes=3,
        post_nms_count=10,
        max_detections_per_image=8,
        class_agnostic_box_regression=False,
        max_delta_log_wh=4.135166645050049,
        deltas_weights=[10.0, 10.0, 5.0, 5.0],
    )
    return [made.get_node().output(i) for i in range(3)]


@case("detectron_roi_features", T.ROIFeatureExtractor)
def _(net: Net):
    made = node(
        6,
        "ExperimentalDetectronROIFeatureExtractor",
        [
            net.input(6, 4, values=boxes(6, 400, 500, batch=False), name="rois"),
            net.input(1, 4, 100, 128),
            net.input(1, 4, 50, 64),
            net.input(1, 4, 25, 32),
            net.input(1, 4, 13, 16),
        ],
        output_size=4,
        sampling_ratio=2,
        pyramid_scales=[4, 8, 16, 32],
        aligned=False,
    )
    return [made.get_node().output(0), made.get_node().output(1)]


# --- sequences ---------------------------------------------------------------------------------


def sharp(shape):
    """Scores where each step has one clear winner, with repetitions and blanks."""

    def make(rng: np.random.Generator) -> np.ndarray:
        winners = rng.integers(0, shape[-1], shape[:-1])
        winners[1::2] = winners[::2][: len(winners[1::2])]
        return half(rng.uniform(0, 0.4, shape) + 0.5 * np.eye(shape[-1])[winners])

    return make


@case("ctc_greedy_decoder", T.CTCDecoder)
def _(net: Net):
    marks = net.const((np.arange(20) < 17).astype(np.float32).reshape(20, 1))
    x = net.input(20, 1, 8, values=sharp((20, 1, 8)))
    return node(1, "CTCGreedyDecoder", [x, marks], ctc_merge_repeated=True)


@case("ctc_greedy_decoder_seq_len", T.CTCGreedyDecoderSeqLen)
def _(net: Net):
    x = net.input(2, 12, 6, values=sharp((2, 12, 6)))
    lengths = opset1.constant(np.array([12, 7], np.int32))
    made = node(
        6,
        "CTCGreedyDecoderSeqLen",
        [x, lengths],
        merge_repeated=True,
        classes_index_type="i32",
        sequence_length_type="i32",
    )
    return [made.get_node().output(0), made.get_node().output(1)]
