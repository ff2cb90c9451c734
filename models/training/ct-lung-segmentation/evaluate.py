"""All figures of MODEL-CARD.md, as Markdown on stdout. Usage: evaluate.py <shared data folder> <reference.npz>

The reference is made by reference.py from series-full/ct-chest-lidc-275-jpegls of the same folder.
"""
import json
import os
import sys

import numpy as np

from node_pipeline import PACKAGE, dice, segment
from phantom import GRID, PHANTOMS, paint
from series import read_series

DATA, REFERENCE = sys.argv[1:3]
MANIFEST = json.load(open(os.path.join(PACKAGE, 'model.json')))


def millilitres(mask, spacing):
    return mask.sum() * np.prod(spacing) / 1000


def compare(title, hu, spacing, truth):
    labels, report = segment(np.ascontiguousarray(hu), spacing, MANIFEST)
    cells = [title, f'{hu.shape[0]} x {hu.shape[1]} x {hu.shape[2]}']
    for side in (1, 2):
        found, known = labels == side, truth == side
        cells.append(f'{dice(found, known):.4f}')
        cells.append(f'{millilitres(found, spacing):.1f} / {millilitres(known, spacing):.1f}')
    cells.append(f'{report["seconds"]:.1f}')
    cells.append(f'{report["peakMiB"]:.0f}')
    print('| ' + ' | '.join(cells) + ' |', flush=True)
    return labels


def only_volumes(title, folder):
    hu, spacing = read_series(os.path.join(DATA, folder))
    labels, _ = segment(hu, spacing, MANIFEST)
    print(f'| {title} | ' + ' | '.join(f'{millilitres(labels == side, spacing):.1f}' for side in (1, 2)) + ' |', flush=True)


def heading(*cells):
    print('\n| ' + ' | '.join(cells) + ' |\n|' + ' --- |' * len(cells))


hu, spacing = read_series(os.path.join(DATA, 'series-full/ct-chest-lidc-275-jpegls'))
known = np.load(REFERENCE)['labels']
airway, known = known == 3, np.where(known == 3, 0, known)
noise = np.random.default_rng(7)
columns = ('input', 'voxels', 'Dice right', 'right mL, model / reference', 'Dice left', 'left mL', 'graph s', 'peak MiB')

heading(*columns)
full = compare('full chest', hu, spacing, known)
slab_hu, slab_spacing = read_series(os.path.join(DATA, 'series/ct-chest-lidc'))
first = next(z for z in range(len(hu)) if np.array_equal(hu[z], slab_hu[0]))
compare('30-slice series', slab_hu, slab_spacing, known[first:first + len(slab_hu)])
for sigma in (50, 100):
    noisy = hu + noise.normal(0, sigma, hu.shape).astype(np.float32)
    compare(f'full, noise of {sigma} HU', noisy, spacing, known)
mirrored = known[:, :, ::-1]
compare('full, mirrored in x (sides swap)', hu[:, :, ::-1], spacing, np.where(mirrored > 0, 3 - mirrored, 0))
for title, box in {
    'slices 60 to 199': np.s_[60:200],
    'slices 120 to 122': np.s_[120:123],
    'slices 150 to 159': np.s_[150:160],
    'slices 10 to 39 (left recess only)': np.s_[10:40],
    'slices 205 to 229 (apex)': np.s_[205:230],
    'one voxel off in x, y, z': np.s_[1:, 1:, 1:],
    'rows 80 to 419, columns 0 to 451': np.s_[:, 80:420, :452],
    'columns 60 to 511': np.s_[:, :, 60:],
    'columns 130 to 511 (cuts the right lung)': np.s_[:, :, 130:],
}.items():
    compare(title, hu[box], spacing, known[box])
thick = hu.reshape(55, 5, 512, 512).mean(1)
compare('5 mm slices (means of 5)', thick, (5 * spacing[0], *spacing[1:]), known[2::5])
compare('5 mm slices, 10 mm apart', thick[::2], (10 * spacing[0], *spacing[1:]), known[2::10])
for step in (2, 4):
    compare(f'every pixel of {step}', hu[:, ::step, ::step], (spacing[0], spacing[1] * step, spacing[2] * step), known[:, ::step, ::step])
aerated = (known > 0) & (hu < -500)
for change in (-60, 150):
    compare(f'lung of {change:+} HU', np.where(aerated, np.maximum(hu + change, -1000), hu), spacing, known)
for title, shapes in PHANTOMS.items():
    painted, truth = paint(shapes)
    compare(f'phantom: {title}', painted, (GRID['spacing'],) * 3, truth)

twice = np.concatenate([hu, hu, np.repeat(hu[-1:], 150, 0)])
long = np.concatenate([known, known, np.repeat(known[-1:], 150, 0)])
compare('two chests in 700 slices', twice, spacing, long)
del twice, long

heading('full chest', 'right', 'left')
rows = {
    'mean HU, model': [hu[full == s].mean() for s in (1, 2)],
    'mean HU, reference': [hu[known == s].mean() for s in (1, 2)],
    'mL only in the model': [millilitres((full == s) & (known != s), spacing) for s in (1, 2)],
    'mL only in the reference': [millilitres((full != s) & (known == s), spacing) for s in (1, 2)],
    'mL of reference airway in the model': [millilitres((full == s) & airway, spacing) for s in (1, 2)],
}
for title, values in rows.items():
    print(f'| {title} | ' + ' | '.join(f'{v:.1f}' for v in values) + ' |')

heading('other series', 'right mL', 'left mL')
only_volumes('head (GE, 28 slices stacked as if regular)', 'series/ct-head-ge-tilt-irregular')
only_volumes('neck and shoulder, one slice', 'images/rt/ct.0.dcm')
only_volumes('air and table (4 slices)', 'series/ct-slice-missing')
only_volumes('upper abdomen with the lung bases (3 slices)', 'series/ct-liver-3slice-with-seg')
