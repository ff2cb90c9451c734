"""Brings the original libraries in: checkouts of MONAI, nnU-Net and acvl_utils, given by path.

What they import and do not use for what we ask of them is replaced by empty modules (STUBBED); nothing that computes is.
"""

import base64
import importlib.abc
import importlib.machinery
import json
import subprocess
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import scipy
import skimage
import torch

STUBBED = (
    "pandas",
    "tqdm",
    "blosc2",
    "batchgenerators",
    "torch._dynamo",
    "nnunetv2.training",
    "nnunetv2.imageio",
    "nnunetv2.inference.data_iterators",
    "nnunetv2.utilities.plans_handling",
    "nnunetv2.utilities.file_path_utilities",
    "nnunetv2.utilities.find_objects",
    "nnunetv2.utilities.json_export",
    "nnunetv2.utilities.utils",
    "nnunetv2.utilities.default_n_proc_DA",
)


class _Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if any(name == stub or name.startswith(stub + ".") for stub in STUBBED):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: MagicMock(name=f"{spec.name}.{name}")
        module.__all__ = []
        return module

    def exec_module(self, module):
        pass


def bring_in(monai, nnunet, acvl):
    sys.meta_path.insert(0, _Stubs())
    for folder in (monai, nnunet, acvl):
        sys.path.insert(0, str(folder))


def made_with(commits):
    return {
        **commits,
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-image": skimage.__version__,
    }


def tensor(values, kind=None):
    """A tensor as JSON: shape, element type, and the bytes (little endian, row-major) in base64."""
    array = np.ascontiguousarray(np.asarray(values))
    kind = kind or {"f": "float32", "i": "int16", "u": "uint8", "b": "uint8"}[array.dtype.kind]
    cast = array.astype(np.dtype(kind).newbyteorder("<"))
    if array.dtype.kind in "iub":
        assert np.array_equal(cast, array), "the element type is too small"
    return {"shape": list(array.shape), "type": kind, "data": base64.b64encode(cast.tobytes()).decode()}


def write(folder, name, about, made, cases):
    text = "{\n" + f'"about": {json.dumps(about)},\n"made": {json.dumps(made)},\n"cases": [\n'
    text += ",\n".join(json.dumps(case) for case in cases) + "\n]\n}\n"
    Path(folder, name).write_text(text)
    print(f"{name}: {len(cases)} cases, {len(text)} bytes")


def commit_of(git_dir_or_tree, given):
    """The commit as said on the command line; else as git says in the checkout."""
    if given:
        return given
    return subprocess.run(
        ["git", "-C", str(git_dir_or_tree), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
