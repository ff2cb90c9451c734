"""A thin writer of ONNX graphs for volumes: names made by themselves, constants shared, morphology and sweeps as calls.

Volumes are float32 tensors [D, H, W] (z, y, x). Masks are volumes of 0 and 1, so that Mul is AND and Max is OR.
"""
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

OPSET = 17
AXES = {'z': 0, 'y': 1, 'x': 2}
FAR = 1e6  # a distance no path reaches
END = 2**31 - 1  # Slice: to the end of the axis


class Graph:
    """Collects nodes; every method returns the name of its result."""

    def __init__(self, prefix=''):
        self.nodes, self.constants, self.count, self.prefix = [], {}, 0, prefix

    def name(self, stem):
        self.count += 1
        return f'{self.prefix}{stem}_{self.count}'

    def inner(self):
        """The graph of a loop's or scan's body. ONNX wants its names different from the outer ones."""
        return Graph(self.name('body') + '/')

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [self.name(kind.lower()) for _ in range(outputs)]
        given = [i if isinstance(i, str) else self.const(i) for i in inputs]
        self.nodes.append(helper.make_node(kind, given, names, **attributes))
        return names[0] if outputs == 1 else names

    def const(self, value, dtype=None):
        """A constant: ints become int64, everything else float32 unless told."""
        array = np.asarray(value)
        array = array.astype(dtype or (np.int64 if array.dtype.kind == 'i' else np.float32))
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, f'{self.prefix}const_{len(self.constants)}')
        return self.constants[key].name

    # Arithmetic. Scalars are float32.

    def add(self, a, b):
        return self.op('Add', a, b)

    def sub(self, a, b):
        return self.op('Sub', a, b)

    def mul(self, *factors):
        result = factors[0]
        for factor in factors[1:]:
            result = self.op('Mul', result, factor)
        return result

    def div(self, a, b):
        return self.op('Div', a, b)

    def max(self, *values):
        return self.op('Max', *values)

    def min(self, *values):
        return self.op('Min', *values)

    def clip(self, a, low, high):
        return self.op('Clip', a, float(low), float(high))

    def below(self, a, b):
        return self.op('Cast', self.op('Less', a, b), to=TensorProto.FLOAT)

    def above(self, a, b):
        return self.op('Cast', self.op('Greater', a, b), to=TensorProto.FLOAT)

    def no(self, mask):
        return self.sub(1.0, mask)

    def like(self, a, value):
        """A volume of the shape of `a`, filled with a value."""
        return self.op('Expand', value, self.op('Shape', a))

    def total(self, a, *axes):
        return self.op('ReduceSum', a, list(axes), keepdims=1) if axes else self.op('ReduceSum', a, keepdims=0)

    def mean_where(self, value, mask):
        return self.div(self.total(self.mul(value, mask)), self.max(self.total(mask), 1.0))

    # Morphology. Outside the volume there is nothing: neither dilation nor erosion starts at a border.

    def dilate_plane(self, a, y, x):
        """Maximum over (2y+1) by (2x+1) voxels of an axial slice. The slices are the channels, so they run in parallel."""
        a = self.op('Unsqueeze', a, [0])
        if y:
            a = self.op('MaxPool', a, kernel_shape=[2 * y + 1, 1], pads=[y, 0, y, 0])
        if x:
            a = self.op('MaxPool', a, kernel_shape=[1, 2 * x + 1], pads=[0, x, 0, x])
        return self.op('Squeeze', a, [0])

    def dilate_z(self, a):
        """Maximum over a slice and its two neighbours."""
        first, last = self.slice(a, 0, 0, 1), self.slice(a, 0, -1, END)
        down = self.op('Concat', first, self.slice(a, 0, 0, -1), axis=0)
        up = self.op('Concat', self.slice(a, 0, 1, END), last, axis=0)
        return self.max(a, down, up)

    def dilate_box(self, a):
        """Maximum over 3 by 3 by 3 voxels."""
        return self.dilate_z(self.dilate_plane(a, 1, 1))

    def dilate_cross(self, a):
        """Maximum over a voxel and its six neighbours."""
        return self.max(self.dilate_plane(a, 1, 0), self.dilate_plane(a, 0, 1), self.dilate_z(a))

    def turned(self, operation, a, *args):
        """The dual of a dilation: the same over the negated volume."""
        return self.op('Neg', operation(self.op('Neg', a), *args))

    def slice(self, a, axis, start, stop):
        return self.op('Slice', a, [start], [stop], [axis])

    # Sweeps: a Scan walks the slices of one axis with a state, so one sweep carries a value across the whole volume.

    def sweep(self, axis, backward, first, inputs, step):
        """state = step(state, input slices...) along an axis; the result is the volume of states. `first`: 1-slice state."""
        shape = [d for a, d in zip('zyx', ['D', 'H', 'W']) if a != axis]
        body = self.inner()
        state = body.name('state')
        names = [body.name('slice') for _ in inputs]
        result = step(body, state, *names)
        copy = body.op('Identity', result)
        inner, outer = (
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in group]
            for group in ([state, *names], [result, copy])
        )
        graph = helper.make_graph(body.nodes, 'sweep', inner, outer, list(body.constants.values()))
        k, n = AXES[axis], len(inputs)
        _, swept = self.op(
            'Scan', first, *inputs, outputs=2, body=graph, num_scan_inputs=n,
            scan_input_axes=[k] * n, scan_input_directions=[int(backward)] * n,
            scan_output_axes=[k], scan_output_directions=[int(backward)],
        )
        return swept

    def plane_of(self, a, axis, value):
        """One slice across an axis, filled with a value: the state before a sweep."""
        return self.like(self.op('Squeeze', self.slice(a, AXES[axis], 0, 1), [AXES[axis]]), value)

    def until_steady(self, start, rounds, round_of):
        """Repeats volume = round_of(graph, volume) until nothing changes, at most `rounds` times."""
        body = self.inner()
        index, before, volume = body.name('round'), body.name('going'), body.name('volume')
        result = round_of(body, volume)
        change = body.op('ReduceMax', body.op('Abs', body.sub(result, volume)), keepdims=0)
        going = body.op('Greater', change, 0.0)
        graph = helper.make_graph(
            body.nodes, 'round',
            [helper.make_tensor_value_info(index, TensorProto.INT64, []),
             helper.make_tensor_value_info(before, TensorProto.BOOL, []),
             helper.make_tensor_value_info(volume, TensorProto.FLOAT, ['D', 'H', 'W'])],
            [helper.make_tensor_value_info(going, TensorProto.BOOL, []),
             helper.make_tensor_value_info(result, TensorProto.FLOAT, ['D', 'H', 'W'])],
            list(body.constants.values()),
        )
        return self.op('Loop', rounds, self.const(True, np.bool_), start, body=graph)

    def model(self, inputs, outputs, doc):
        graph = helper.make_graph(
            self.nodes, 'ct_lung_segmentation', inputs, outputs, list(self.constants.values()), doc_string=doc
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid('', OPSET)], ir_version=8,
            producer_name='voxgate make_package.py', producer_version='1.0.0',
        )
        checker.check_model(model, full_check=False)
        return model



def spread(graph, marker, mask, rounds, axes='zyx', from_border=False):
    """Geodesic reconstruction: the marker's values (the greatest wins) over all of the mask they are connected to by faces.

    `from_border`: the outside of the volume, across the swept axes, is a marker of 1.
    """
    def one_round(g, volume):
        for axis in axes:
            for backward in (False, True):
                before = g.plane_of(volume, axis, 1.0 if from_border else 0.0)
                volume = g.sweep(axis, backward, before, [volume, mask], lambda b, s, v, m: b.mul(b.max(s, v), m))
        return volume
    return graph.until_steady(marker, rounds, one_round)


def geodesic_distance(graph, start, cost, wall, rounds):
    """Cheapest path along faces from the finite voxels of `start`: a step onto a voxel costs `cost`, `wall` (FAR) blocks."""
    def one_round(g, volume):
        for axis in 'zyx':
            for backward in (False, True):
                before = g.plane_of(volume, axis, FAR)
                volume = g.sweep(
                    axis, backward, before, [volume, cost, wall],
                    lambda b, s, v, c, w: b.max(b.min(b.add(s, c), v), w),
                )
        return volume
    return graph.until_steady(start, rounds, one_round)


def name_pieces(graph, mask, rounds):
    """Connected pieces (by faces): every voxel gets the greatest index of its piece's voxels, counted from 1; 0 elsewhere.

    Counted in int64, named in float32. Beyond 2^24 voxels names are rounded to even numbers; only pieces whose last
    voxels follow one another in memory would share one, and those are neighbours along x: the same piece.
    """
    index = graph.op('CumSum', graph.op('Reshape', graph.like(mask, 1), [-1]), graph.const(0))
    index = graph.op('Cast', graph.op('Reshape', index, graph.op('Shape', mask)), to=TensorProto.FLOAT)
    return spread(graph, graph.mul(index, mask), mask, rounds)


def sum_per_piece(graph, names, values):
    """At every voxel, the sum of `values` over all voxels that bear the same name."""
    slot = graph.op('Cast', graph.op('Reshape', names, [-1]), to=TensorProto.INT64)
    flat = graph.op('Reshape', values, [-1])
    # Room for names 0 to the number of voxels, and for one that float32 rounded up.
    empty = graph.op('Concat', graph.like(flat, 0.0), graph.const([0.0, 0.0]), axis=0)
    sums = graph.op('ScatterElements', empty, slot, flat, axis=0, reduction='add')
    return graph.op('Reshape', graph.op('Gather', sums, slot), graph.op('Shape', names))
