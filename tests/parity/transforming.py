"""What MONAI and nnU-Net make of small images, step by step."""

import itertools

import numpy as np

from originals import tensor
from restoring import SAGITTAL, oblique
from steps import TO_RAS, Grid, monai_prepare, nnunet_prepare, pattern

RAS = {"op": "orientation", "axcodes": "RAS"}
LPS = {"op": "orientation", "axcodes": "LPS"}


def _monai_case(name, grid, steps, image, kind=None):
    _, prepared = monai_prepare(grid, image, steps)
    result = prepared["image"]
    return {
        "name": name,
        "grid": grid,
        "image": tensor(image),
        "steps": steps,
        "expected": tensor(result.numpy(), kind),
        "affine": (TO_RAS @ result.affine.numpy()).tolist(),
    }


def orientations():
    codes = [
        "".join(code)
        for order in itertools.permutations(("LR", "PA", "IS"))
        for code in itertools.product(*order)
    ]
    image = np.arange(24, dtype=np.int16).reshape(1, 4, 3, 2)
    for code in codes:
        yield _monai_case(code, Grid((4, 3, 2), (0.7, 1.3, 2)), [{"op": "orientation", "axcodes": code}], image, "uint8")
    for code in ("RAS", "LPS", "SPL", "AIR"):
        for name, grid in (("oblique", oblique((4, 3, 2), (0.7, 1.3, 2))), ("sagittal", Grid((4, 3, 2), (0.7, 1.3, 2), **SAGITTAL))):
            yield _monai_case(f"{code}, {name}", grid, [{"op": "orientation", "axcodes": code}], image, "uint8")


def _spacing(*pixdim, mode="linear"):
    return {"op": "spacing", "pixdim": list(pixdim), "rule": "monai", "mode": mode}


def spacings():
    grids = {
        "axial": Grid((11, 10, 7), (0.7, 1.3, 2.5)),
        "sagittal": Grid((9, 8, 6), (1.1, 0.9, 3), **SAGITTAL),
        "oblique": oblique((9, 10, 6), (0.8, 0.8, 2)),
    }
    for mode in ("linear", "nearest"):
        yield _monai_case(f"coarser, {mode}", grids["axial"], [RAS, _spacing(1.5, 1.5, 3, mode=mode)], pattern((11, 10, 7)))
        yield _monai_case(f"finer, {mode}", grids["axial"], [RAS, _spacing(0.6, 0.75, 1.9, mode=mode)], pattern((11, 10, 7)))
        yield _monai_case(f"sagittal, {mode}", grids["sagittal"], [RAS, _spacing(1.6, 1.45, 2, mode=mode)], pattern((9, 8, 6)))
        yield _monai_case(f"oblique, {mode}", grids["oblique"], [LPS, _spacing(1.1, 1.3, 1.45, mode=mode)], pattern((9, 10, 6)))
        halves = Grid((10, 9, 8), (1, 1, 1))
        yield _monai_case(f"halfway, {mode}", halves, [LPS, _spacing(0.5, 2, 1.5, mode=mode)], pattern((10, 9, 8)))
    kept = pattern((11, 10, 7))
    yield _monai_case("one axis kept", grids["axial"], [RAS, _spacing(1.5, -1, 0)], kept)
    yield _monai_case("a thousandth away is kept", grids["axial"], [RAS, _spacing(0.7009, 1.2991, 5)], kept)
    yield _monai_case("nothing changes", grids["axial"], [LPS, _spacing(0.7, 1.3, 2.5)], kept)
    yield _monai_case("one slice", Grid((9, 8, 1), (1, 1, 5)), [RAS, _spacing(1.5, 1.5, 2)], pattern((9, 8, 1)))
    yield _monai_case("half sizes round to even", Grid((6, 4, 8), (1, 1, 1)), [RAS, _spacing(2, 2, 2)], pattern((6, 4, 8)))
    # Directions as headers give them, with seven digits: not quite perpendicular, to one side and to the other.
    for name, row, column in (
        ("rounded directions", (0.9990322, -0.0217884, 0.0382096), (0.0265195, 0.9914139, -0.1280442)),
        ("rounded directions, the other way", (0.9990322, -0.0217884, 0.0382096), (0.0265195, 0.9914139, -0.1280438)),
    ):
        tilted = Grid((10, 8, 6), (0.8, 0.8, 2), row=row, column=column)
        yield _monai_case(name, tilted, [RAS, _spacing(1.1, 1.3, 1.45)], pattern((10, 8, 6)))
        # Even sizes, or the middle would be a place halfway between voxels.
        nearest = _spacing(0.57, 1.15, 1.45, mode="nearest")
        yield _monai_case(f"{name}, nearest", tilted, [LPS, nearest], pattern((10, 8, 6)))
    yield _monai_case("a thousandth of a voxel is nothing", Grid((9, 8, 6), (5, 5, 5)), [RAS, _spacing(5.004, 5, 4.997)], pattern((9, 8, 6)))
    before = [RAS, {"op": "scale-intensity-range", "aMin": -500, "aMax": 800, "bMin": 0, "bMax": 1, "clip": True}]
    yield _monai_case("clipped before", grids["axial"], [*before, _spacing(1.5, 1.5, 2)], kept)
    yield _monai_case("two channels", grids["axial"], [RAS, _spacing(1.5, 1.5, 2)], pattern((11, 10, 7), 2))


def _resize(*size, mode, **given):
    return {"op": "resize", "size": list(size), "mode": mode, **given}


def resizes():
    grid, image = Grid((11, 10, 7), (0.7, 1.3, 2.5)), pattern((11, 10, 7), low=-90, high=150)
    for mode in ("linear", "nearest", "area"):
        for name, size in (("smaller", (5, 7, 3)), ("larger", (13, 23, 15)), ("both", (4, 17, -1))):
            yield _monai_case(f"{name}, {mode}", grid, [RAS, _resize(*size, mode=mode)], image)
    corners = _resize(5, 17, 1, mode="linear", alignCorners=True)
    corner_case = _monai_case("corners aligned", grid, [RAS, corners], image)
    del corner_case["affine"]  # MONAI writes down another than it samples by.
    yield corner_case


def intensities():
    grid = Grid((6, 5, 4), (1, 1, 1))
    image = pattern((6, 5, 4), 2, seed=3)
    image[0, :2, 1] = 0
    image[1, :, :, 2] = 0
    range_step = {"op": "scale-intensity-range", "aMin": -57, "aMax": 164}
    percentiles = {"op": "scale-intensity-range-percentiles", "lower": 5, "upper": 97.5}
    unit = {"bMin": 0.0, "bMax": 1.0}
    normalize = {"op": "normalize-intensity"}
    for name, steps in {
        "range": [{**range_step, **unit, "clip": True}],
        "range, not clipped": [{**range_step, "bMin": -1.0, "bMax": 3.0, "clip": False}],
        "range without a target": [{**range_step, "clip": False}],
        "range of no width": [{**range_step, "aMin": 164, "bMin": 2.0, "bMax": 3.0, "clip": True}],
        "to minimum and maximum": [{"op": "scale-intensity", "minv": -0.5, "maxv": 2.0, "channelWise": False}],
        "to minimum and maximum by channel": [{"op": "scale-intensity", "minv": 0.0, "maxv": 1.0, "channelWise": True}],
        "factor": [{"op": "scale-intensity-factor", "factor": -0.25}],
        "percentiles": [{**percentiles, **unit, "clip": True, "relative": False, "channelWise": False}],
        "percentiles by channel": [{**percentiles, **unit, "clip": False, "relative": False, "channelWise": True}],
        "relative percentiles": [{**percentiles, **unit, "clip": True, "relative": True, "channelWise": True}],
        "normal": [{**normalize, "nonzero": False, "channelWise": False}],
        "normal by channel": [{**normalize, "nonzero": False, "channelWise": True}],
        "normal where not zero": [{**normalize, "nonzero": True, "channelWise": False}],
        "normal by channel where not zero": [{**normalize, "nonzero": True, "channelWise": True}],
        "by given numbers": [{**normalize, "subtrahend": 100.5, "divisor": 313.25, "nonzero": False, "channelWise": False}],
        "by given numbers a channel": [
            {**normalize, "subtrahend": [10.5, -3], "divisor": [250.5, 0], "nonzero": True, "channelWise": True}
        ],
        "above a threshold": [{"op": "threshold-intensity", "threshold": 100, "above": True, "cval": -7}],
        "below a threshold": [{"op": "threshold-intensity", "threshold": 100, "above": False, "cval": 4}],
        "clip": [{"op": "clip", "min": -100, "max": 300.5}],
        "clip below": [{"op": "clip", "min": -100.25}],
        "one after the other": [
            {"op": "clip", "min": -100, "max": 300},
            {**normalize, "nonzero": True, "channelWise": True},
            {"op": "scale-intensity", "minv": 0.0, "maxv": 1.0, "channelWise": False},
        ],
    }.items():
        yield _monai_case(name, grid, steps, image)
    flat = np.full((1, 3, 2, 2), 40, np.int16)
    small = Grid((3, 2, 2), (1, 1, 1))
    yield _monai_case("flat, normal", small, [{**normalize, "nonzero": False, "channelWise": False}], flat)
    scale = {"op": "scale-intensity", "minv": 0.5, "maxv": 1.0, "channelWise": False}
    yield _monai_case("flat, to minimum and maximum", small, [scale], flat)


def crops_and_pads():
    grid = Grid((11, 10, 8), (0.7, 1.3, 2))
    image = np.full((1, 11, 10, 8), -100, np.int16)
    image[0, 3:8, 2:5, 4:7] = pattern((5, 3, 3), seed=9, low=1, high=90)[0]
    foreground = {"op": "crop-foreground", "above": 0, "margin": [0, 0, 0], "allowSmaller": False}
    for name, steps in {
        "foreground": [RAS, foreground],
        "foreground with a margin": [RAS, {**foreground, "margin": [1, 2, 0]}],
        "margin beyond the image": [RAS, {**foreground, "margin": [4, 1, 3]}],
        "margin that stops at the image": [RAS, {**foreground, "margin": [4, 1, 3], "allowSmaller": True}],
        "divisible": [RAS, {**foreground, "divisible": [4, 8, 3]}],
        "centre": [LPS, {"op": "center-crop", "size": [4, 5, 20]}],
        "centre, one axis kept": [LPS, {"op": "center-crop", "size": [5, 4, -1]}],
        "padded on both sides": [LPS, {"op": "pad", "size": [14, 6, 13], "where": "symmetric", "value": -3.5}],
        "padded at the end": [LPS, {"op": "pad", "size": [14, 6, 13], "where": "end", "value": 0}],
        "padded with the edge": [LPS, {"op": "pad", "size": [14, 6, 13], "where": "symmetric", "value": "edge"}],
        "padded to multiples": [LPS, {"op": "pad-divisible", "k": [4, 8, 0], "where": "symmetric", "value": 1}],
        "padded to multiples at the end": [LPS, {"op": "pad-divisible", "k": [5, 4, 3], "where": "end", "value": "edge"}],
        "one after the other": [
            RAS,
            {**foreground, "margin": [1, 1, 1]},
            _spacing(1, 1, 1),
            {"op": "pad-divisible", "k": [8, 8, 8], "where": "symmetric", "value": 0},
            {"op": "center-crop", "size": [6, 6, 6]},
        ],
    }.items():
        yield _monai_case(name, grid, steps, image)


def _nnunet_case(name, grid, steps, image):
    data, _ = nnunet_prepare(image, grid.spacing, steps)
    return {"name": name, "grid": grid, "image": tensor(image), "steps": steps, "expected": tensor(data, "float32")}


def nnunet():
    zyx = {"op": "transpose", "axes": [2, 1, 0]}
    spacing = lambda *pixdim, mode="cubic": {"op": "spacing", "pixdim": list(pixdim), "rule": "nnunet", "mode": mode}
    near, thick = Grid((12, 11, 9), (1, 0.9, 1.5)), Grid((10, 11, 6), (0.8, 0.8, 5))
    head = pattern((12, 11, 9), 2, seed=21, low=1, high=900)
    head[:, :2] = head[:, :, :3] = head[:, :, :, -1:] = 0
    head[:, 6:9, 6:9, 4:6] = 0  # a hole: within
    head[:, 5, 3:6, 2] = 0  # a notch at the border: without
    body, slab = pattern((12, 11, 9), seed=22), pattern((10, 11, 6), seed=23)
    ct = {"op": "ct-normalization", "channels": [{"mean": 80.25, "std": 141.7, "low": -160.0, "high": 302.0}]}
    for name, grid, steps, image in [
        ("cropped to what is not zero", near, [zyx, {"op": "crop-nonzero"}], head),
        ("z-score", near, [zyx, {"op": "crop-nonzero"}, {"op": "z-score", "mask": False}], head),
        ("z-score within the mask", near, [zyx, {"op": "crop-nonzero"}, {"op": "z-score", "mask": True}], head),
        ("z-score of one channel", near, [zyx, {"op": "crop-nonzero"}, {"op": "z-score", "mask": True, "channels": [1]}], head),
        ("as CT", near, [zyx, ct], body),
        ("cubic, coarser", near, [zyx, spacing(2, 1.6, 1.5)], body),
        ("cubic, finer", near, [zyx, spacing(1, 0.7, 0.6)], body),
        ("cubic, mixed", near, [zyx, spacing(2.2, 0.9, 0.6)], body),
        ("linear", near, [zyx, spacing(2.2, 1.2, 0.6, mode="linear")], body),
        ("cubic, slices apart, fewer", thick, [zyx, spacing(8, 1.1, 1.1)], slab),
        ("cubic, slices apart, more", thick, [zyx, spacing(2, 0.6, 1.2)], slab),
        ("cubic, slices apart, kept", thick, [zyx, spacing(5, 0.6, 0.9)], slab),
        ("slices apart, places halfway", thick, [zyx, spacing(2.5, 1.6, 0.8)], slab),
        ("the plan has thick slices", near, [zyx, spacing(5, 1, 1)], body),
        ("thick in two axes: not apart", Grid((12, 11, 9), (0.5, 2, 2)), [spacing(1, 1, 1)], body),
        ("nothing changes", near, [zyx, spacing(1.5, 0.9, 1)], body),
        ("all of it", near, [zyx, {"op": "crop-nonzero"}, {"op": "z-score", "mask": True}, spacing(1.3, 1.2, 1.2)], head),
    ]:
        yield _nnunet_case(name, grid, steps, image)


FILES = {
    "transform-orientation.json": (orientations, "Orientationd: arrays and affines (LPS)"),
    "transform-spacing.json": (spacings, "Orientationd, Spacingd"),
    "transform-resize.json": (resizes, "Resized"),
    "transform-intensity.json": (intensities, "the intensity transforms of MONAI"),
    "transform-crop-pad.json": (crops_and_pads, "CropForegroundd, CenterSpatialCropd, SpatialPadd, DivisiblePadd"),
    "transform-nnunet.json": (nnunet, "crop_to_nonzero, normalization schemes, resample_data_or_seg_to_shape of nnU-Net"),
}
