"""Builds the package: model.onnx, the golden pair, their digests in model.json, and the golden phantom. Usage: make_package.py

Two runs make the same bytes. The golden counts come from the graph itself, in onnxruntime; evaluate.py says how near they
are to the truth of the phantom.
"""
import gzip
import hashlib
import json
import os
import re

import numpy as np
import onnx

from build_graph import build
from node_pipeline import PACKAGE, run_graph
from phantom import GRID, PHANTOMS, paint

GOLDEN = 'unequal lungs'
PAIR = slice(40, 72)


def golden_pair(text, hu):
    """What `voxgate models check` runs: slices of the phantom, softened so that edges have values in between."""
    hu = hu[PAIR]
    for axis in range(3):
        hu = (hu + np.roll(hu, 1, axis)) / 2
    hu = np.ascontiguousarray(np.rint(hu), '<f4')
    scores, _ = run_graph(hu)
    for name, values in (('input', hu[None, None]), ('output', scores[None])):
        path = f'golden/{name}.f32.gz'
        packed = gzip.compress(values.astype('<f4').tobytes(), 9, mtime=0)
        with open(os.path.join(PACKAGE, path), 'wb') as file:
            file.write(packed)
        digest = hashlib.sha256(packed).hexdigest()
        text = re.sub(rf'("path": "{path}",\s*"shape": )\[[^]]*\](,\s*"digest": )"[^"]*"',
                      rf'\g<1>{list(values.shape)}\g<2>"{digest}"', text)
    return text


def main():
    os.makedirs(os.path.join(PACKAGE, 'golden'), exist_ok=True)
    target = os.path.join(PACKAGE, 'model.onnx')
    onnx.save(build(), target)
    digest = hashlib.sha256(open(target, 'rb').read()).hexdigest()
    manifest = os.path.join(PACKAGE, 'model.json')
    text = open(manifest, encoding='utf8').read()
    text = re.sub(r'("path": "model.onnx", "digest": )"[^"]*"', f'\\1"{digest}"', text)

    hu, truth = paint(PHANTOMS[GOLDEN])
    text = golden_pair(text, hu)
    open(manifest, 'w', encoding='utf8').write(text)
    scores, _ = run_graph(hu)
    labels = scores.argmax(0)
    golden = {
        'about': 'Input of the graph as ellipsoids in mm (x, y, z), painted in order over -1000 HU: a voxel takes the HU of '
        'the last shape that holds its centre (index * spacing); a radius of null leaves that axis out. Expected: voxels '
        'of each class by argmax of the scores.',
        'grid': GRID,
        'outsideHu': -1000,
        'shapes': [{k: shape[k] for k in ('name', 'centre', 'radii', 'hu')} for shape in PHANTOMS[GOLDEN]],
        'expected': {
            'voxels': [int((labels == value).sum()) for value in range(3)],
            'painted': [int((truth == value).sum()) for value in range(3)],
            'tolerance': 20,
        },
    }
    with open(os.path.join(PACKAGE, 'golden', 'phantom.json'), 'w', encoding='utf8') as file:
        file.write(json.dumps(golden, indent=2) + '\n')
    print(digest, golden['expected'])


if __name__ == '__main__':
    main()
