"""The way back from scores to labels on the source grid, and what is done to labels, by MONAI and nnU-Net."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import torch

from originals import tensor
from steps import Grid, monai_prepare, nnunet_prepare, pattern

OBLIQUE = dict(row=(0.94, 0.2, -0.27), column=(-0.17, 0.977, 0.13 - 0.0045))


def scores_on(shape, classes, seed):
    """Random scores with patches, so that labels have insides and edges."""
    generator = np.random.default_rng(seed)
    coarse = generator.normal(0, 1.2, (classes, *[max(2, n // 3) for n in shape]))
    smooth = torch.nn.functional.interpolate(torch.from_numpy(coarse)[None], tuple(shape), mode="trilinear")[0]
    return (smooth.numpy() + generator.normal(0, 0.15, (classes, *shape))).astype(np.float32)


def _orthogonal(grid):
    """Row and column directions made exactly orthogonal."""
    row = np.asarray(grid["rowDirection"])
    column = np.asarray(grid["columnDirection"])
    return dict(row=tuple(row), column=tuple(column - row * (row @ column)))


def oblique(shape, spacing):
    return Grid(shape, spacing, **_orthogonal(Grid((1, 1, 1), (1, 1, 1), **OBLIQUE)))


SAGITTAL = dict(row=(0, 1, 0), column=(0, 0, -1))

INVERT_CASES = [
    ("reoriented and resampled to a coarser grid", Grid((12, 11, 7), (0.8, 0.9, 2.5)), [
        {"op": "orientation", "axcodes": "RAS"},
        {"op": "spacing", "pixdim": [1.5, 1.5, 2], "rule": "monai", "mode": "linear"},
    ]),
    ("resampled to a finer grid, oblique", oblique((6, 7, 5), (1.7, 1.1, 2)), [
        {"op": "orientation", "axcodes": "LPS"},
        {"op": "spacing", "pixdim": [1, 1, 1], "rule": "monai", "mode": "linear"},
    ]),
    ("directions that are not quite perpendicular", Grid((10, 8, 6), (0.8, 0.8, 2), row=(0.9990322, -0.0217884, 0.0382096), column=(0.0265195, 0.9914139, -0.1280442)), [
        {"op": "orientation", "axcodes": "RAS"},
        {"op": "spacing", "pixdim": [1.1, 1.15, 1.45], "rule": "monai", "mode": "linear"},
    ]),
    ("places halfway between voxels", Grid((9, 8, 6), (1, 1, 2)), [
        {"op": "orientation", "axcodes": "RAS"},
        {"op": "spacing", "pixdim": [2, 2, 4], "rule": "monai", "mode": "linear"},
    ]),
    ("the foreground cut out", Grid((12, 11, 7), (0.8, 0.9, 2.5)), [
        {"op": "orientation", "axcodes": "PLI"},
        {"op": "crop-foreground", "above": 100, "margin": [0, 0, 0], "allowSmaller": False},
        {"op": "spacing", "pixdim": [1.5, 1.5, 2], "rule": "monai", "mode": "linear"},
    ]),
    ("resampled, then the foreground cut out: zeros beside it are mixed in", Grid((12, 11, 8), (0.8, 0.9, 2.5)), [
        {"op": "orientation", "axcodes": "RAS"},
        {"op": "spacing", "pixdim": [1.1, 1.1, 2], "rule": "monai", "mode": "linear"},
        {"op": "crop-foreground", "above": 0, "margin": [0, 0, 0], "allowSmaller": False},
    ]),
    ("a margin that reaches beyond the image, and padding", Grid((8, 7, 6), (1, 1, 3), **SAGITTAL), [
        {"op": "orientation", "axcodes": "RAS"},
        {"op": "crop-foreground", "above": 0, "margin": [4, 5, 3], "divisible": [4, 4, 4], "allowSmaller": False},
        {"op": "pad", "size": [17, 8, 18], "where": "symmetric", "value": 0},
    ]),
    ("resampled, then resized", Grid((11, 10, 8), (0.73, 0.73, 2)), [
        {"op": "orientation", "axcodes": "RAS"},
        {"op": "spacing", "pixdim": [1, 1, 1.5], "rule": "monai", "mode": "linear"},
        {"op": "resize", "size": [10, 12, 9], "mode": "linear"},
    ]),
    ("resized to corners", Grid((11, 10, 8), (0.7, 0.7, 2)), [
        {"op": "resize", "size": [7, 13, 8], "mode": "linear", "alignCorners": True},
    ]),
    ("resized by area", Grid((11, 10, 8), (0.7, 0.7, 2)), [
        {"op": "resize", "size": [5, 14, 3], "mode": "area"},
    ]),
    ("the centre cut out and padded at the end", Grid((11, 10, 8), (0.7, 0.7, 2)), [
        {"op": "orientation", "axcodes": "SAL"},
        {"op": "center-crop", "size": [5, 7, 20]},
        {"op": "pad-divisible", "k": [4, 4, 4], "where": "end", "value": "edge"},
    ]),
]


def monai_inverts():
    """`invert` linear, then argmax; and argmax, then `invert` nearest: Invertd and AsDiscreted as bundles have them."""
    from monai.data import MetaTensor
    from monai.transforms import AsDiscrete, Invertd

    for seed, (name, grid, steps) in enumerate(INVERT_CASES):
        image = pattern(grid.shape, seed=seed)
        image[0, :2] = image[0, :, :1] = -900
        compose, prepared = monai_prepare(grid, image, steps)
        scores = scores_on(prepared["image"].shape[1:], 3, seed)
        back = lambda pred, nearest: Invertd(
            "pred", compose, orig_keys="image", nearest_interp=nearest, to_tensor=True
        )({**prepared, "pred": MetaTensor(torch.from_numpy(pred.copy()), meta=prepared["image"].meta)})["pred"]
        linear = back(scores, False)
        labels = AsDiscrete(argmax=True)(torch.from_numpy(scores)).numpy()
        nearest = back(labels, True)
        yield {
            "name": name,
            "grid": grid,
            "image": tensor(image),
            "steps": steps,
            "scores": tensor(scores),
            "restoredScores": tensor(linear.numpy()),
            "linearThenArgmax": tensor(AsDiscrete(argmax=True)(linear)[0].numpy(), "uint8"),
            "argmaxThenNearest": tensor(nearest[0].numpy(), "uint8"),
        }


NNUNET_INVERT_CASES = [
    ("near-isotropic", Grid((14, 13, 9), (1, 0.9, 1.5)), [
        {"op": "transpose", "axes": [2, 1, 0]},
        {"op": "crop-nonzero"},
        {"op": "z-score", "mask": False},
        {"op": "spacing", "pixdim": [1.3, 1.2, 1.2], "rule": "nnunet", "mode": "cubic"},
    ]),
    ("thick slices, resampled apart", Grid((12, 13, 6), (0.8, 0.8, 5)), [
        {"op": "transpose", "axes": [2, 1, 0]},
        {"op": "crop-nonzero"},
        {"op": "z-score", "mask": False},
        {"op": "spacing", "pixdim": [3, 1.1, 1.1], "rule": "nnunet", "mode": "cubic"},
    ]),
    ("thick slices only in the plan", Grid((12, 13, 10), (1, 1, 1.5)), [
        {"op": "transpose", "axes": [2, 1, 0]},
        {"op": "crop-nonzero"},
        {"op": "spacing", "pixdim": [4, 1.2, 1.2], "rule": "nnunet", "mode": "cubic"},
    ]),
]


def nnunet_inverts():
    from nnunetv2.inference.export_prediction import convert_predicted_logits_to_segmentation_with_correct_shape
    from nnunetv2.preprocessing.resampling.default_resampling import resample_data_or_seg_to_shape
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    labels = LabelManager({"background": 0, "organ": 1, "lesion": 2}, None)
    regions = LabelManager({"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": [3, 3]}, [1, 2, 3])
    back = partial(resample_data_or_seg_to_shape, is_seg=False, order=1, order_z=0, force_separate_z=None)
    for seed, (name, grid, steps) in enumerate(NNUNET_INVERT_CASES):
        image = pattern(grid.shape, seed=40 + seed)
        image[:, :2] = image[:, :, :3] = image[:, :, :, -1:] = 0
        data, known = nnunet_prepare(image, grid.spacing, steps)
        plans = SimpleNamespace(
            transpose_forward=known["transpose"], transpose_backward=np.argsort(known["transpose"]).tolist()
        )
        configuration = SimpleNamespace(spacing=known["target"], resampling_fn_probabilities=back)
        properties = {
            "spacing": grid.spacing,
            "shape_after_cropping_and_before_resampling": known["cropped"],
            "shape_before_cropping": known["before"],
            "bbox_used_for_cropping": known["bbox"],
        }
        scores = scores_on(data.shape[1:], 3, 70 + seed)
        export = lambda manager: convert_predicted_logits_to_segmentation_with_correct_shape(
            scores.copy(), plans, configuration, manager, properties, num_threads_torch=1
        )
        yield {
            "name": name,
            "grid": grid,
            "image": tensor(image),
            "steps": steps,
            "scores": tensor(scores),
            "labels": tensor(np.asarray(export(labels)), "uint8"),
            "regionsPainted": {"order": [1, 2, 3], "labels": tensor(np.asarray(export(regions)), "uint8")},
        }


def blobs(shape, classes, seed, density=0.34):
    generator = np.random.default_rng(seed)
    labels = np.zeros(shape, np.uint8)
    noise = generator.uniform(size=shape)
    for label in range(1, classes + 1):
        labels[noise < density * (classes + 1 - label) / classes] = label
    return labels


def shells(shape):
    """Boxes with hollows: one closed, one open at an edge of the image, one closed but for a corner, one of two classes."""
    labels = np.zeros(shape, np.uint8)
    labels[1:6, 1:6, 1:6] = 1
    labels[2:5, 2:5, 2:5] = 0
    labels[3, 3, 3] = 2
    labels[8:12, 0:5, 1:6] = 2
    labels[9:11, 0:4, 2:5] = 0
    labels[1:6, 7:12, 1:6] = 3
    labels[2:5, 8:11, 2:5] = 0
    labels[1, 7, 1] = labels[2, 8, 1] = labels[2, 7, 2] = labels[1, 8, 2] = 0
    return labels


def monai_components():
    from monai.transforms import FillHoles, KeepLargestConnectedComponent, RemoveSmallObjects

    hops = {6: 1, 18: 2, 26: 3}
    label_maps = {
        "blobs": blobs((9, 8, 7), 2, 5),
        "sparse blobs": blobs((10, 8, 7), 3, 6, 0.16),
        "shells": shells((13, 13, 7)),
    }
    once = lambda transform, labels: transform(torch.from_numpy(labels[None].copy()))[0].numpy()
    for name, labels in label_maps.items():
        for connectivity in (6, 18, 26):
            for independent in (True, False):
                for classes in (None, [1], [1, 2]):
                    # Not one-hot and independent, MONAI keeps the largest of each class.
                    keep = KeepLargestConnectedComponent(classes, False, independent, hops[connectivity])
                    step = {"op": "keep-largest-component", "connectivity": connectivity, "independent": independent}
                    yield _component_case(name, labels, step, classes, once(keep, labels))
            for classes in (None, [1], [1, 3]):
                step = {"op": "fill-holes", "connectivity": connectivity}
                yield _component_case(name, labels, step, classes, once(FillHoles(classes, hops[connectivity]), labels))
            for voxels in (3, 20):
                step = {"op": "remove-small", "connectivity": connectivity, "voxels": voxels, "whole": False}
                remove = RemoveSmallObjects(voxels, hops[connectivity], independent_channels=True)
                # A mask is taken apart into components; a map of several labels is not, each label is one object.
                apart = sum(once(remove, labels == label) * label for label in range(1, labels.max() + 1))
                yield _component_case(name, labels, step, None, apart)
                if connectivity == 6:
                    whole = {**step, "voxels": voxels * 10, "whole": True}
                    remove = RemoveSmallObjects(voxels * 10, 1, independent_channels=True)
                    yield _component_case(name, labels, whole, None, once(remove, labels))


def _component_case(name, labels, step, classes, expected):
    step = {**step, **({"classes": classes} if classes else {})}
    return {"name": name, "labels": tensor(labels), "step": step, "expected": tensor(expected, "uint8")}


def monai_discrete():
    from monai.transforms import Activations, AsDiscrete

    scores = scores_on((6, 5, 4), 4, 11)
    scores[:, 0, 0, 0] = 0.25
    scores[1:3, 1, 1, 1] = scores[:, 1, 1, 1].max() + 1
    source = torch.from_numpy(scores)
    given = {"scores": tensor(scores)}
    yield {"name": "softmax", **given, "step": {"op": "softmax"}, "expected": tensor(Activations(softmax=True)(source))}
    yield {"name": "sigmoid", **given, "step": {"op": "sigmoid"}, "expected": tensor(Activations(sigmoid=True)(source))}
    # NumPy's argmax, which MONAI does not use, and torch's agree here: the lower class where scores are equal.
    argmax = AsDiscrete(argmax=True)(source).numpy()
    assert np.array_equal(argmax[0], scores.argmax(0))
    yield {"name": "argmax", **given, "step": {"op": "argmax"}, "expected": tensor(argmax[0], "uint8")}
    for at in (0.25, 0.5):
        mask = AsDiscrete(threshold=at)(source).numpy()
        yield {
            "name": f"threshold {at}",
            **given,
            "step": {"op": "threshold", "at": at, "strict": False},
            "expected": tensor(mask, "uint8"),
        }
