"""What the node does around the graph, in numpy: tent resampling, the graph, clean-up, trilinear scores, argmax."""
import json
import os
import subprocess
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(HERE, '..', '..', 'ct-lung-segmentation', '1.0.0')


def tent_weights(n_in, spacing_in, spacing_out):
    """Matrix [n_out, n_in]: output centre i at (i + 0.5) * out - 0.5 * in from the first input centre, edges clamped."""
    n_out = max(1, int(np.ceil(n_in * spacing_in / spacing_out - 1e-6)))
    ratio = spacing_out / spacing_in
    half = max(1.0, ratio)
    weights = np.zeros((n_out, n_in), np.float32)
    for i in range(n_out):
        centre = (i + 0.5) * ratio - 0.5
        taps = np.arange(np.floor(centre - half) + 1, np.ceil(centre + half)).astype(int)
        w = np.maximum(0, 1 - np.abs(taps - centre) / half)
        np.add.at(weights[i], np.clip(taps, 0, n_in - 1), (w / w.sum()).astype(np.float32))
    return weights


def along(matrix, volume, axis):
    return np.moveaxis(np.tensordot(matrix, np.moveaxis(volume, axis, 0), 1), 0, axis)


def resample(hu, spacing, target):
    for axis in range(3):
        hu = along(tent_weights(hu.shape[axis], spacing[axis], target[axis]), hu, axis)
    return np.ascontiguousarray(hu, np.float32)


def run_graph(volume, model=None):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, 'in.f32'), os.path.join(folder, 'out.f32')
        volume.tofile(source)
        model = model or os.path.join(PACKAGE, 'model.onnx')
        command = ['node', os.path.join(HERE, 'run_graph.mjs'), model, source, *map(str, volume.shape), target]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        return np.fromfile(target, np.float32).reshape(3, *volume.shape), report


def remove_small_classes(scores, operations, millilitres_per_voxel):
    """The postprocess list of model.json: a class that fills too little of the model grid was not found."""
    labels = scores.argmax(0)
    for operation in operations:
        if operation['op'] in ('invert', 'argmax'):
            continue
        assert operation['op'] == 'remove-small' and operation['whole'], 'the only clean-up this model uses'
        for value in range(1, len(scores)):
            if (labels == value).sum() * millilitres_per_voxel < operation['millilitres']:
                scores[0] = np.maximum(scores[0], scores[value] * (labels == value))
                scores[value] = -1e30


def interpolation(n_out, n_in, spacing_out, spacing_in):
    """Matrix [n_out, n_in] of linear interpolation from the model grid (n_in) back to the source grid, edges clamped."""
    at = np.clip(((np.arange(n_out) + 0.5) * spacing_out / spacing_in) - 0.5, 0, n_in - 1)
    low = np.minimum(at.astype(int), max(0, n_in - 2))
    weights = np.zeros((n_out, n_in), np.float32)
    weights[np.arange(n_out), low] = 1 - (at - low)
    weights[np.arange(n_out), np.minimum(low + 1, n_in - 1)] += at - low
    return weights


def segment(hu, spacing, manifest, model=None):
    """uint8 labels on the source grid, and the report of the run."""
    target = [step['pixdim'] for step in manifest['transforms'] if step['op'] == 'spacing'][0]
    volume = resample(hu, spacing, target)
    scores, report = run_graph(volume, model)
    remove_small_classes(scores, manifest['postprocess'], np.prod(target) / 1000)
    best = np.full(hu.shape, -np.inf, np.float32)
    labels = np.zeros(hu.shape, np.uint8)
    for value in range(len(scores)):
        fine = scores[value]
        for axis in range(3):
            matrix = interpolation(hu.shape[axis], volume.shape[axis], spacing[axis], target[axis])
            fine = along(matrix, fine, axis)
        better = fine > best
        labels[better], best[better] = value, fine[better]
    return labels, report


def dice(a, b):
    total = a.sum() + b.sum()
    return 1.0 if total == 0 else 2.0 * (a & b).sum() / total
