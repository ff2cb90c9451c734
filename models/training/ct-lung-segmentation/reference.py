"""Reference lung masks, made at the full resolution of the CT, apart from the graph and by other operations.

Where build_graph.py uses fixed thresholds, box morphology, sweeps and a 2 mm grid, this uses Otsu's threshold, labelled
3-D components, a region-grown airway tree with leak control, a watershed on the exact Euclidean distance, and a closing
by exact distance. It is slow (minutes). Axes z, y, x; x to the Left, z to the Head.
Usage: reference.py <folder of a CT series> <reference.npz>
"""
import sys

import numpy as np
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from series import read_series

CLOSING_MM = 7.0  # vessels up to about 14 mm wide inside a lung count as lung
WALL_MM = 2.0  # wall of the large airways, added to the lumen before it is taken away
LARGE_AIRWAY_RADIUS_MM = 3.2  # a lumen narrower than this lies inside the lung and stays lung
PIECE_ML = 1.0  # a separate piece of aerated lung smaller than this is not kept


def near(mask, mm, spacing):
    """Voxels within `mm` of the mask (exact Euclidean dilation), computed in the mask's bounding box."""
    if not mask.any():
        return mask.copy()
    box = tuple(
        slice(max(0, s.start - int(mm / d) - 2), s.stop + int(mm / d) + 2)
        for s, d in zip(ndi.find_objects(mask.astype(np.uint8))[0], spacing)
    )
    out = np.zeros_like(mask)
    out[box] = ndi.distance_transform_edt(~mask[box], sampling=spacing) <= mm
    return out


def inside(mask, mm, spacing):
    """Voxels more than `mm` away from the outside of the mask. The ends of the volume are not an outside."""
    return ~near(~mask, mm, spacing)


def find_body(hu, spacing):
    """The patient without table and clothes: the largest piece of opened tissue, every axial slice filled."""
    tissue = hu > -300
    disc = np.hypot(*np.mgrid[-4:5, -4:5]) <= 4.5
    tissue = np.stack([ndi.binary_opening(s, disc) for s in tissue])
    labels, n = ndi.label(tissue)
    body = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    return np.stack([ndi.binary_fill_holes(s) for s in body])


def grow_airways(hu, body, spacing):
    """Trachea and bronchi: region growing from the trachea, threshold raised until the volume explodes (a leak)."""
    ml = np.prod(spacing) / 1000
    area = spacing[1] * spacing[2]
    interior = np.stack([ndi.binary_erosion(s, iterations=12) for s in body])
    seed = None
    for z in range(hu.shape[0] - 1, -1, -1):
        labels, n = ndi.label((hu[z] < -900) & interior[z])
        middle = np.argwhere(body[z]).mean(0) if n else None
        for k in range(1, n + 1):
            where = np.argwhere(labels == k)
            box = np.ptp(where, axis=0) + 1
            round_enough = len(where) > 0.5 * box.prod() and box.max() < 2.5 * box.min()
            if 80 < len(where) * area < 700 and round_enough and abs(where.mean(0)[1] - middle[1]) * spacing[2] < 60:
                seed = (z, *np.round(where.mean(0)).astype(int))
                break
        if seed:
            break
    if not seed:
        return np.zeros(hu.shape, bool)
    smooth = ndi.gaussian_filter(hu, 0.6)
    previous = None
    for threshold in range(-960, -850, 8):
        labels, _ = ndi.label((smooth < threshold) & body)
        if labels[seed] == 0:
            continue
        grown = labels == labels[seed]
        volume = grown.sum() * ml
        print(f'  airways below {threshold} HU: {volume:.1f} mL')
        if volume > 150 or (previous is not None and volume > 1.35 * previous.sum() * ml):
            break
        previous = grown
    return previous if previous is not None else np.zeros(hu.shape, bool)


def close(mask, mm, spacing, allowed):
    """Closing by exact distance, cavities filled, grown only over allowed voxels.

    Cavities are those of the volume, not of a slice: the dome of the diaphragm is an island in axial slices of a lung.
    """
    pad = int(mm / spacing[0]) + 2
    wide = np.pad(mask, ((pad, pad), (0, 0), (0, 0)), mode='edge')
    closed = inside(near(wide, mm, spacing), mm, spacing)[pad:-pad]
    closed = ndi.binary_fill_holes(closed)
    return (closed & allowed) | mask


def reference_lungs(hu, spacing):
    """uint8 labels: 0 background, 1 right lung, 2 left lung, 3 trachea and large bronchi (for looking at)."""
    ml = np.prod(spacing) / 1000
    body = find_body(hu, spacing)
    otsu = threshold_otsu(np.clip(hu[body], -1024, 300))
    print(f'  Otsu threshold {otsu:.0f} HU')
    air = (hu < otsu) & body
    airways = grow_airways(hu, body, spacing)
    large = near(inside(airways, LARGE_AIRWAY_RADIUS_MM, spacing), LARGE_AIRWAY_RADIUS_MM + 0.5, spacing) & airways
    labels, _ = ndi.label(large)
    if labels.max():
        large = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    large_wall = near(large, WALL_MM, spacing)

    aerated = air & ~large_wall
    distance = ndi.distance_transform_edt(aerated, sampling=spacing)
    # Pieces at least 12 mm thick and lung-like (not gas) are cores; the two biggest sides name the rest.
    cores, n = ndi.label(distance > 6)
    smooth = ndi.gaussian_filter(hu, 1)
    middle = np.argwhere(body.any(0).any(0)).mean()
    markers = np.zeros(hu.shape, np.uint8)
    sizes = np.bincount(cores.ravel(), minlength=n + 1)
    for k in np.flatnonzero(sizes[1:] * ml > 0.5) + 1:
        where = cores == k
        if smooth[where].mean() < -955:
            print(f'  gas, not lung: {sizes[k] * ml:.1f} mL core, mean {smooth[where].mean():.0f} HU')
            continue
        markers[where] = 1 if np.argwhere(where.any(0).any(0)).mean() < middle else 2
    lungs = watershed(-distance, markers.astype(np.int32), mask=aerated).astype(np.uint8)

    for side in (1, 2):
        mask = lungs == side
        pieces, n = ndi.label(mask)
        sizes = np.bincount(pieces.ravel(), minlength=n + 1)
        keep = sizes * ml >= PIECE_ML
        keep[0] = False
        lungs[mask & ~keep[pieces]] = 0
    out = np.zeros(hu.shape, np.uint8)
    for side in (1, 2):
        closed = close(lungs == side, CLOSING_MM, spacing, body & ~large_wall & (lungs != 3 - side))
        out[closed & (out == 0)] = side
    out[large & (out == 0)] = 3
    return out


if __name__ == '__main__':
    source, target = sys.argv[1:3]
    hu, spacing = read_series(source)
    result = reference_lungs(hu, spacing)
    np.savez_compressed(target, labels=result)
    ml = np.prod(spacing) / 1000
    for label, name in ((1, 'right lung'), (2, 'left lung'), (3, 'trachea and large bronchi')):
        print(f'{name}: {(result == label).sum() * ml:.1f} mL')
