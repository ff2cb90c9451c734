"""Chests made of ellipsoids: inputs with a known answer. A phantom is data, so that any language can paint it.

Shapes are painted in order; a voxel takes the HU of the last shape that holds its centre. `ellipsoid`: sum over the axes
of ((position - centre) / radius)^2 <= 1; a radius of null leaves that axis out (a cylinder). Positions in mm, order x, y, z;
the centre of voxel (i, j, k) is at (i, j, k) * spacing.
"""
import numpy as np


def ellipsoid(name, centre, radii, hu, label=0):
    return {'name': name, 'centre': centre, 'radii': radii, 'hu': hu, 'label': label}


BODY = [
    ellipsoid('body', [160, 130, None], [140, 100, None], 40),
    ellipsoid('spine', [160, 190, None], [18, 18, None], 400),
]
TABLE = [
    ellipsoid('table shell', [160, 244, None], [110, 13, None], 100),
    ellipsoid('table foam', [160, 244, None], [107, 10, None], -940),
]
AIRWAY = [
    ellipsoid('trachea', [160, 145, 210], [9, 10, 90], -990),
    ellipsoid('right main bronchus', [140, 147, 118], [26, 6, 7], -990),
    ellipsoid('left main bronchus', [182, 147, 118], [28, 6, 7], -990),
]
RIGHT = ellipsoid('right lung', [92, 125, 110], [48, 70, 95], -850, 1)
LEFT = ellipsoid('left lung', [228, 125, 118], [40, 66, 85], -850, 2)
GAS = [ellipsoid('stomach gas', [222, 110, 12], [26, 22, 14], -995)]
GRID = {'columns': 160, 'rows': 132, 'slices': 110, 'spacing': 2.0}

PHANTOMS = {
    # Lungs of two sizes, a table with a foam core below, stomach gas under the left lung, an airway between.
    'unequal lungs': [*TABLE, *BODY, RIGHT, LEFT, *AIRWAY, *GAS],
    # Both lungs run into each other over the anterior mediastinum, without any wall between them.
    'touching lungs': [
        *TABLE, *BODY, {**RIGHT, 'centre': [106, 120, 110], 'radii': [57, 62, 95]},
        {**LEFT, 'centre': [214, 120, 118], 'radii': [57, 62, 85]},
        ellipsoid('mediastinum', [160, 165, None], [30, 42, None], 40), *AIRWAY,
    ],
    # The left lung reaches far over the middle; the right lung is small and stands alone.
    'crossing lung': [
        *TABLE, *BODY, {**RIGHT, 'centre': [72, 135, 110], 'radii': [26, 55, 90]},
        {**LEFT, 'centre': [194, 112, 118], 'radii': [86, 56, 85]},
    ],
    # One lung only.
    'left lung alone': [*TABLE, *BODY, LEFT, *AIRWAY, *GAS],
    # Bowel gas and a windpipe, no lung.
    'no lung': [*TABLE, *BODY, *AIRWAY, *GAS, ellipsoid('colon', [90, 110, 60], [25, 28, 40], -992)],
}


def paint(shapes, grid=GRID):
    """(HU float32 [z, y, x], labels uint8 [z, y, x])."""
    size = (grid['slices'], grid['rows'], grid['columns'])
    z, y, x = (np.arange(n, dtype=np.float64) * grid['spacing'] for n in size)
    axes = (x[None, None, :], y[None, :, None], z[:, None, None])
    hu, labels = np.full(size, -1000, np.float32), np.zeros(size, np.uint8)
    for shape in shapes:
        distance = np.zeros(size)
        for position, centre, radius in zip(axes, shape['centre'], shape['radii']):
            if radius is not None:
                distance = distance + ((position - centre) / radius) ** 2
        hu[distance <= 1], labels[distance <= 1] = shape['hu'], shape['label']
    return hu, labels
