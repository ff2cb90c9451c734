"""Reads a CT series as HU on axes z, y, x (z to the Head) with its spacing in mm. For axial series as in the examples."""
import glob
import os
import subprocess
import tempfile

import numpy as np
import pydicom


def pixels(path):
    """Stored values; what pydicom has no decoder for goes through gdcmconv."""
    ds = pydicom.dcmread(path)
    try:
        return ds, ds.pixel_array
    except (NotImplementedError, RuntimeError):
        with tempfile.NamedTemporaryFile(suffix='.dcm') as raw:
            subprocess.run(['gdcmconv', '--raw', path, raw.name], check=True)
            return ds, pydicom.dcmread(raw.name).pixel_array


def read_series(pattern):
    """(HU float32 [z, y, x], (z, y, x) spacing) of all CT images a glob pattern or folder names, sorted by z."""
    slices = []
    for path in sorted(glob.glob(os.path.join(pattern, '*') if os.path.isdir(pattern) else pattern)):
        if pydicom.dcmread(path, specific_tags=['Modality']).Modality != 'CT':
            continue
        header, stored = pixels(path)
        hu = stored.astype(np.float32) * float(header.RescaleSlope) + float(header.RescaleIntercept)
        slices.append((float(header.ImagePositionPatient[2]), hu))
    slices.sort(key=lambda s: s[0])
    rows, columns = (float(s) for s in header.PixelSpacing)
    apart = (slices[-1][0] - slices[0][0]) / (len(slices) - 1) if len(slices) > 1 else float(header.SliceThickness)
    return np.stack([hu for _, hu in slices]), (apart, rows, columns)
