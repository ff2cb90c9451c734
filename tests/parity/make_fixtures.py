"""Makes tests/fixtures/parity: what the original libraries answer, frozen.

    python3 tests/parity/make_fixtures.py --monai DIR --nnunet DIR --acvl DIR --out tests/fixtures/parity

Each DIR is a checkout; the commits go into every file. Needs numpy, scipy, scikit-image, nibabel, torch, onnx.
"""

import argparse
from pathlib import Path

import numpy as np
import originals

parser = argparse.ArgumentParser(description=__doc__)
for library in ("monai", "nnunet", "acvl"):
    parser.add_argument(f"--{library}", type=Path, required=True)
    parser.add_argument(f"--{library}-commit", default="", help="where the checkout is no git work tree")
parser.add_argument("--out", type=Path, required=True)
parser.add_argument("--only", default="", help="names that begin so")
given = parser.parse_args()
originals.bring_in(given.monai, given.nnunet, given.acvl)

import restoring  # noqa: E402
import transforming  # noqa: E402
import windows  # noqa: E402

made = originals.made_with(
    {
        "MONAI": originals.commit_of(given.monai, given.monai_commit),
        "nnU-Net": originals.commit_of(given.nnunet, given.nnunet_commit),
        "acvl_utils": originals.commit_of(given.acvl, given.acvl_commit),
    }
)

FILES = {
    "sliding-window-monai.json": (windows.monai_windows, "monai.inferers.sliding_window_inference"),
    "nnunet-window.json": (windows.nnunet_windows, "nnUNetPredictor.predict_sliding_window_return_logits, 32-bit sums"),
    "nnunet-window-grid.json": (windows.nnunet_grids, "compute_steps_for_sliding_window and compute_gaussian"),
    "invert-monai.json": (restoring.monai_inverts, "Invertd and AsDiscrete; arrays [channel][column][row][slice]"),
    "invert-nnunet.json": (restoring.nnunet_inverts, "convert_predicted_logits_to_segmentation_with_correct_shape"),
    "components-monai.json": (restoring.monai_components, "KeepLargestConnectedComponent, FillHoles, RemoveSmallObjects"),
    "discrete-monai.json": (restoring.monai_discrete, "Activations and AsDiscrete"),
    **transforming.FILES,
}

given.out.mkdir(parents=True, exist_ok=True)
for name, (cases, about) in FILES.items():
    if name.startswith(given.only):
        originals.write(given.out, name, about, made, list(cases()))
if "tiny".startswith(given.only):
    windows.export(given.out / "tiny-3d.onnx", 3)
    windows.export(given.out / "tiny-3d-2-channels.onnx", 3, channels=2)
    windows.export(given.out / "tiny-2d.onnx", 2)
