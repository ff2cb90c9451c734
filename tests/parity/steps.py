"""Our steps in the words of MONAI and nnU-Net, done by their own code on images that lie as DICOM says."""

import numpy as np
import torch


class Grid(dict):
    """As src/imaging/grid.ts; LPS, mm."""

    def __init__(self, shape, spacing, row=(1, 0, 0), column=(0, 1, 0), origin=(-11.5, 20.25, -300)):
        row, column = (np.asarray(axis, float) / np.linalg.norm(axis) for axis in (row, column))
        super().__init__(
            columns=shape[0],
            rows=shape[1],
            slices=shape[2],
            columnSpacing=spacing[0],
            rowSpacing=spacing[1],
            sliceSpacing=spacing[2],
            rowDirection=row.tolist(),
            columnDirection=column.tolist(),
            normal=np.cross(row, column).tolist(),
            origin=list(map(float, origin)),
        )

    @property
    def shape(self):
        return self["columns"], self["rows"], self["slices"]

    @property
    def spacing(self):
        return self["columnSpacing"], self["rowSpacing"], self["sliceSpacing"]

    def ras(self):
        affine = np.eye(4)
        for axis, (name, step) in enumerate(zip(("rowDirection", "columnDirection", "normal"), self.spacing)):
            affine[:3, axis] = np.asarray(self[name]) * step
        affine[:3, 3] = self["origin"]
        return TO_RAS @ affine


TO_RAS = np.diag([-1.0, -1, 1, 1])


def pattern(shape, channels=1, seed=0, low=-900, high=1500):
    """Whole numbers, smooth enough to interpolate and rough enough to tell neighbours apart."""
    generator = np.random.default_rng(seed)
    axes = np.meshgrid(*[np.linspace(0, 3, n) for n in shape], indexing="ij")
    smooth = [np.sin(axes[0] * (1.1 + c) + axes[1]) * np.cos(axes[2] - c) for c in range(channels)]
    rough = generator.uniform(-0.5, 0.5, (channels, *shape))
    values = (np.stack(smooth) + rough + 1.5) / 3
    return np.rint(low + values * (high - low)).astype(np.int16)


def monai_of(step, keys="image"):
    """A MONAI dictionary transform for one of our steps."""
    from monai import transforms as m

    given = dict(step)
    op = given.pop("op")
    mode = {"linear": "bilinear", "nearest": "nearest"}
    pad = lambda value: dict(mode="edge") if value == "edge" else dict(mode="constant", value=value)
    match op:
        case "orientation":
            return m.Orientationd(keys, axcodes=given["axcodes"])
        case "spacing":
            return m.Spacingd(keys, pixdim=given["pixdim"], mode=mode[given["mode"]])
        case "resize":
            resize_mode = {"linear": "trilinear"}.get(given["mode"], given["mode"])
            corners = given.get("alignCorners", False) if given["mode"] == "linear" else None
            return m.Resized(keys, spatial_size=given["size"], mode=resize_mode, align_corners=corners)
        case "scale-intensity-range":
            return m.ScaleIntensityRanged(
                keys, given["aMin"], given["aMax"], given.get("bMin"), given.get("bMax"), given["clip"]
            )
        case "scale-intensity":
            return m.ScaleIntensityd(keys, given["minv"], given["maxv"], channel_wise=given["channelWise"])
        case "scale-intensity-factor":
            return m.ScaleIntensityd(keys, None, None, factor=given["factor"])
        case "scale-intensity-range-percentiles":
            return m.ScaleIntensityRangePercentilesd(
                keys,
                given["lower"],
                given["upper"],
                given.get("bMin"),
                given.get("bMax"),
                given["clip"],
                given["relative"],
                given["channelWise"],
            )
        case "normalize-intensity":
            return m.NormalizeIntensityd(
                keys, given.get("subtrahend"), given.get("divisor"), given["nonzero"], given["channelWise"]
            )
        case "threshold-intensity":
            return m.ThresholdIntensityd(keys, given["threshold"], given["above"], given["cval"])
        case "clip":
            return m.Lambdad(keys, lambda x: m.utils_pytorch_numpy_unification.clip(x, given.get("min"), given.get("max")))
        case "crop-foreground":
            above = given["above"]
            return m.CropForegroundd(
                keys,
                source_key="image",
                select_fn=lambda x: x > above,
                margin=given["margin"],
                k_divisible=given.get("divisible", 1),
                allow_smaller=given["allowSmaller"],
            )
        case "center-crop":
            return m.CenterSpatialCropd(keys, roi_size=given["size"])
        case "pad":
            return m.SpatialPadd(keys, spatial_size=given["size"], method=given["where"], **pad(given["value"]))
        case "pad-divisible":
            return m.DivisiblePadd(keys, k=given["k"], method=given["where"], **pad(given["value"]))
    raise ValueError(op)


def monai_prepare(grid, image, steps):
    """The compose and its result: a dictionary with the MetaTensor `image`, float32, RAS affine."""
    from monai.data import MetaTensor
    from monai.transforms import Compose

    compose = Compose([monai_of(step) for step in steps])
    source = MetaTensor(torch.from_numpy(image.astype(np.float32)), affine=torch.from_numpy(grid.ras()))
    return compose, compose({"image": source})


def nnunet_prepare(image, spacing, steps):
    """nnU-Net's own functions in the order of the steps; and what its export needs to know. `spacing` by array axis."""
    from nnunetv2.preprocessing.cropping.cropping import crop_to_nonzero
    from nnunetv2.preprocessing.normalization.default_normalization_schemes import CTNormalization, ZScoreNormalization
    from nnunetv2.preprocessing.resampling.default_resampling import compute_new_shape, resample_data_or_seg_to_shape

    data = image.astype(np.float32)
    seg = np.zeros((1, *data.shape[1:]), np.int8)
    spacing = list(spacing)
    known = {"spacing": list(spacing), "transpose": [0, 1, 2], "target": list(spacing)}
    known["bbox"] = [[0, n] for n in data.shape[1:]]
    for step in steps:
        match step["op"]:
            case "transpose":
                data = data.transpose([0, *[axis + 1 for axis in step["axes"]]])
                spacing = [spacing[axis] for axis in step["axes"]]
                known["transpose"] = list(step["axes"])
            case "crop-nonzero":
                known["before"] = data.shape[1:]
                data, seg, known["bbox"] = crop_to_nonzero(data)
            case "ct-normalization":
                for channel, given in enumerate(step["channels"]):
                    known_intensity = {
                        "mean": given["mean"],
                        "std": given["std"],
                        "percentile_00_5": given["low"],
                        "percentile_99_5": given["high"],
                    }
                    data[channel] = CTNormalization(False, known_intensity).run(data[channel], seg[0])
            case "z-score":
                for channel in step.get("channels", range(len(data))):
                    data[channel] = ZScoreNormalization(step["mask"], {}).run(data[channel], seg[0])
            case "spacing":
                target = [new if new > 0 else old for new, old in zip(step["pixdim"], spacing)]
                known["cropped"] = data.shape[1:]
                order = {"linear": 1, "cubic": 3, "nearest": 0}[step["mode"]]
                shape = compute_new_shape(data.shape[1:], spacing, target)
                data = resample_data_or_seg_to_shape(
                    data, shape, spacing, target, is_seg=False, order=order, order_z=0, force_separate_z=None
                )
                known["target"] = target
            case op:
                raise ValueError(op)
    known.setdefault("cropped", data.shape[1:])
    known.setdefault("before", known["cropped"])
    return data, known
