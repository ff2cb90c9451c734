"""Sliding windows of MONAI and nnU-Net over a network small enough to be a formula: one 3 x 3 (x 3) convolution and tanh.

The convolution pads with zeros, so that what it answers depends on where the window's edge lies.
"""

import itertools
from functools import partial
from types import SimpleNamespace

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper


def weights(spatial, channels, classes):
    """Any numbers of the size of a trained layer's; no symmetry in any axis."""
    count = classes * channels * 3**spatial
    values = np.sin(1.7 * np.arange(count) + 0.3) * 0.35
    shape = (classes, channels) + (3,) * spatial
    return values.astype(np.float32).reshape(shape), np.linspace(-0.2, 0.3, classes).astype(np.float32)


def network(spatial, channels=1, classes=3):
    weight, bias = (torch.from_numpy(value) for value in weights(spatial, channels, classes))
    convolve = torch.nn.functional.conv3d if spatial == 3 else torch.nn.functional.conv2d
    return lambda x: torch.tanh(convolve(x, weight, bias, padding=1))


def export(path, spatial, channels=1, classes=3):
    weight, bias = weights(spatial, channels, classes)
    axes = ["a", "b", "c"][:spatial] if spatial == 3 else ["b", "c"]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "weight", "bias"], ["sum"], pads=[1] * (2 * spatial)),
            helper.make_node("Tanh", ["sum"], ["scores"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", channels, *axes])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", classes, *axes])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="voxgate-fixtures")
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def image(shape, channels=1):
    """Values between -2 and 2 of no period that a window could have."""
    size = channels * int(np.prod(shape))
    values = np.sin(0.37 * np.arange(size) ** 1.13) + np.cos(0.011 * np.arange(size))
    return values.astype(np.float32).reshape((1, channels, *shape))


MONAI_CASES = [
    # name, spatial, shape, channels, window
    ("constant, a quarter", 3, (11, 9, 7), 1, dict(roi=[6, 5, 4], overlap=0.25, blend="constant")),
    ("gaussian, a quarter", 3, (11, 9, 7), 1, dict(roi=[6, 5, 4], overlap=0.25, blend="gaussian")),
    ("constant, half", 3, (10, 9, 8), 1, dict(roi=[6, 4, 5], overlap=0.5, blend="constant")),
    ("gaussian, half", 3, (10, 9, 8), 1, dict(roi=[6, 4, 5], overlap=0.5, blend="gaussian")),
    ("gaussian, half, in batches of four", 3, (10, 9, 8), 1, dict(roi=[6, 4, 5], overlap=0.5, blend="gaussian", batch=4)),
    ("gaussian of another width", 3, (10, 9, 8), 1, dict(roi=[6, 4, 5], overlap=0.5, blend="gaussian", sigmaScale=0.25)),
    ("no overlap", 3, (10, 9, 8), 1, dict(roi=[5, 5, 5], overlap=0, blend="constant")),
    ("smaller than a window in every axis", 3, (5, 4, 3), 1, dict(roi=[8, 6, 6], overlap=0.5, blend="gaussian", padding=-1)),
    ("smaller than a window in one axis", 3, (11, 4, 7), 1, dict(roi=[6, 7, 4], overlap=0.25, blend="gaussian", padding=0.5)),
    ("exactly a window", 3, (6, 5, 4), 1, dict(roi=[6, 5, 4], overlap=0.25, blend="gaussian")),
    ("two channels", 3, (10, 9, 8), 2, dict(roi=[6, 5, 4], overlap=0.5, blend="gaussian", batch=3)),
    ("flat, constant, a quarter", 2, (17, 14), 1, dict(roi=[7, 6], overlap=0.25, blend="constant")),
    ("flat, gaussian, half", 2, (17, 14), 1, dict(roi=[7, 6], overlap=0.5, blend="gaussian", batch=2)),
    ("flat, smaller than a window", 2, (5, 14), 1, dict(roi=[8, 6], overlap=0.5, blend="gaussian", padding=-2)),
]


def network_file(spatial, channels):
    return f"tiny-{spatial}d.onnx" if channels == 1 else f"tiny-{spatial}d-{channels}-channels.onnx"


def monai_windows():
    from monai.inferers import sliding_window_inference

    for name, spatial, shape, channels, window in MONAI_CASES:
        window = {"sigmaScale": 0.125, "grid": "monai", "padding": 0, "batch": 1, **window}
        source = torch.from_numpy(image(shape, channels))
        scores = sliding_window_inference(
            source,
            window["roi"],
            window["batch"],
            network(spatial, channels),
            overlap=window["overlap"],
            mode=window["blend"],
            sigma_scale=window["sigmaScale"],
            padding_mode="constant",
            cval=window["padding"],
        )
        yield {
            "name": name,
            "network": network_file(spatial, channels),
            "window": window,
            "input": tensor_of(source),
            "expected": tensor_of(scores),
        }


NNUNET_CASES = [
    ("half a window's step", (11, 10, 8), dict(roi=[6, 5, 4], overlap=0.5, batch=1)),
    ("three quarters of a window's step", (11, 10, 8), dict(roi=[6, 6, 4], overlap=0.25, batch=1)),
    ("smaller than a window in one axis", (11, 4, 7), dict(roi=[6, 7, 4], overlap=0.5, batch=1)),
    ("mirrored along two axes", (9, 8, 7), dict(roi=[6, 5, 4], overlap=0.5, batch=1, mirrorAxes=[0, 2])),
    ("mirrored along all axes", (9, 8, 7), dict(roi=[6, 5, 4], overlap=0.5, batch=1, mirrorAxes=[0, 1, 2])),
]


def nnunet_windows():
    """nnU-Net adds up in 16-bit floats; here its own loop runs with 32-bit sums, so that the rule can be told from rounding."""
    from nnunetv2.inference import predict_from_raw_data as original

    half, torch.half = torch.half, torch.float32
    original.compute_gaussian = partial(original.compute_gaussian, dtype=torch.float32)
    original.tqdm = _NoBar
    try:
        for name, shape, window in NNUNET_CASES:
            window = {"blend": "gaussian", "sigmaScale": 0.125, "grid": "nnunet", "padding": 0, **window}
            yield {
                "name": name,
                "network": "tiny-3d.onnx",
                "window": window,
                "input": tensor_of(image(shape)),
                "expected": tensor_of(_predict(original.nnUNetPredictor, image(shape), window)),
            }
    finally:
        torch.half = half


def _predict(predictor, source, window):
    module = torch.nn.Identity()
    net = network(3)
    module.forward = net
    this = SimpleNamespace(
        verbose=False,
        allow_tqdm=False,
        network=module,
        device=torch.device("cpu"),
        configuration_manager=SimpleNamespace(patch_size=window["roi"]),
        label_manager=SimpleNamespace(num_segmentation_heads=3),
        tile_step_size=1 - window["overlap"],
        use_gaussian=True,
        use_mirroring="mirrorAxes" in window,
        allowed_mirroring_axes=window.get("mirrorAxes"),
        perform_everything_on_device=True,
    )
    for method in (
        "_internal_maybe_mirror_and_predict",
        "_internal_predict_sliding_window_return_logits",
        "_internal_get_sliding_window_slicers",
    ):
        setattr(this, method, partial(getattr(predictor, method), this))
    return predictor.predict_sliding_window_return_logits(this, torch.from_numpy(source[0]))[None]


class _NoBar:
    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def update(self):
        pass


def nnunet_grids():
    """Where windows begin, and their weights, by nnU-Net's own two functions."""
    from nnunetv2.inference.sliding_window_prediction import compute_gaussian, compute_steps_for_sliding_window

    sizes = [(6, 5, 4), (13, 11, 9), (31, 6, 100), (110, 64, 65), (512, 300, 129)]
    rois = [(6, 5, 4), (64, 64, 64), (128, 96, 40)]
    for size, roi, step in itertools.product(sizes, rois, (0.5, 0.75, 1)):
        if any(s < r for s, r in zip(size, roi)):
            continue
        steps = compute_steps_for_sliding_window(size, roi, step)
        yield {"size": list(size), "roi": list(roi), "overlap": 1 - step, "starts": steps}
    for roi in [(6, 5, 4), (8, 9, 3), (16, 8, 8), (1, 12, 14)]:
        weight = compute_gaussian(roi, 1 / 8, 10, torch.float32, torch.device("cpu"))
        yield {"roi": list(roi), "sigmaScale": 0.125, "weights": tensor_of(weight)}


def tensor_of(value):
    from originals import tensor

    return tensor(value.numpy() if isinstance(value, torch.Tensor) else value, "float32")
