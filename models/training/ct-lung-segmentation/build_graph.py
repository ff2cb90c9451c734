"""The graph of models/ct-lung-segmentation/1.0.0/model.onnx: both lungs on CT by a classical method, without any weight.

Input `ct_hu` [1, 1, D, H, W] in HU on a 2 mm grid, axes z, y, x (x to the Left, y to Posterior, z to the Head).
Output `scores` [1, 3, D, H, W]: background, right lung, left lung. make_package.py writes it.
"""
from onnx import TensorProto, helper

from onnx_graph import FAR, Graph, geodesic_distance, name_pieces, spread, sum_per_piece

LUNG_HU = -400.0  # halfway between aerated lung (about -850) and soft tissue (about 50)
EDGE_HU = 900.0  # HU range over which the score falls from 1 to 0: the partial volume of a lung-tissue edge
WALL_VOXELS = 4.0  # 8 mm: what a straight line out of the body must cross on each of four sides
OUTER_AIR_HU = -930.0  # at the edge of the image: below is the air of the room, above may be a lung cut by the edge
AIRWAY_REACH = 6  # a void narrower than 13 voxels (26 mm) in the axial plane may be an airway
AIR_HU_LIMITS = (-965.0, -930.0)  # airway lumen lies below the middle of this lung's mean and -1000, kept in these limits
WALL_HU = -500.0  # tissue in the shell of 2 voxels around an airway, partial volume included
WALL_SHARE = 0.5  # least share of tissue in that shell
CORE_SHARE = 0.9  # share of air in a 12 mm cube inside a lung: its middle is about 5 mm from any wall
CORE_HU = (-960.0, -550.0)  # mean of a lung's core; gas in bowel or sinuses is below, stool and foam above
CORE_CUBES = 12.0  # smallest core in 4 mm cubes (0.8 mL)
ONE_SIDED = 0.8  # a core with this share on one side of the body's middle belongs to that side as a whole
SEED_MARGIN = 6.0  # a core of both lungs in one: the 24 mm beside the middle name no side
REACH = 80.0  # cost of the longest path from a core to a voxel it names: 160 mm through clear lung
CLOSING_VOXELS = 3  # gaps up to 12 mm wide inside a lung (vessels, bronchi) are filled
ROUNDS = 24  # sweeps back and forth along three axes; they end early when nothing changes


def position(g, volume, axis):
    """Index of every voxel along an axis, and the last index."""
    ones = g.like(volume, 1.0)
    return g.sub(g.op('CumSum', ones, g.const(axis)), 1.0), g.sub(g.total(ones, axis), 1.0)


def sides_with_tissue(g, thick, axis):
    """Two masks: at least 8 mm of tissue between a voxel and either end of its line. CumSum counts it."""
    before = g.op('CumSum', thick, g.const(axis))
    after = g.sub(g.total(thick, axis), before)
    return g.above(before, WALL_VOXELS - 0.5), g.above(after, WALL_VOXELS - 0.5)


def outer_air(g, hu, air):
    """Air connected, within an axial slice, to pure air at the edge of the image. Lung at the edge is no outer air."""
    (y, y_last), (x, x_last) = position(g, hu, 1), position(g, hu, 2)
    within = g.mul(g.above(y, 0.5), g.below(y, g.sub(y_last, 0.5)), g.above(x, 0.5), g.below(x, g.sub(x_last, 0.5)))
    return spread(g, g.mul(g.no(within), g.below(hu, OUTER_AIR_HU)), air, ROUNDS, axes='yx')


def large_airways(g, hu, room, thick):
    """Trachea and large bronchi with their rim: pure air in a narrow void of the tissue, with a wall around it.

    The wall tells them from emphysema and other dark lung in a narrow place (here the lingula): measured on the full chest,
    tissue is 0.56 to 0.77 of the shell around pieces of airway, and 0.01 to 0.44 of that around dark lung.
    """
    lung_mean = g.mean_where(hu, g.mul(room, g.below(hu, -600.0)))
    air_hu = g.clip(g.mul(g.add(lung_mean, -1000.0), 0.5), *AIR_HU_LIMITS)
    lumen = g.mul(room, g.below(hu, air_hu))
    reach = AIRWAY_REACH
    closed = g.turned(g.dilate_plane, g.dilate_plane(thick, reach, reach), reach, reach)
    narrow = g.mul(lumen, closed)
    solid = g.dilate_cross(g.turned(g.dilate_cross, narrow))

    piece = name_pieces(g, solid, ROUNDS)
    around = g.dilate_box(g.dilate_box(piece))
    shell = g.mul(g.above(around, 0.5), g.no(solid))
    wall = g.mul(shell, g.above(hu, WALL_HU))
    share = g.div(sum_per_piece(g, around, wall), g.max(sum_per_piece(g, around, shell), 1.0))
    airway = g.mul(solid, g.above(share, WALL_SHARE))
    for _ in range(2):
        airway = g.mul(g.dilate_box(airway), lumen)
    return g.dilate_box(airway)


def halve(g, volume):
    """Mean of 2 by 2 by 2 voxels; an odd last plane counts twice."""
    odd = g.op('Mod', g.op('Shape', volume), 2)
    pads = g.op('Concat', g.const([0, 0, 0]), odd, axis=0)
    padded = g.op('Unsqueeze', g.op('Pad', volume, pads, mode='edge'), [0, 1])
    return g.op('Squeeze', g.op('AveragePool', padded, kernel_shape=[2] * 3, strides=[2] * 3), [0, 1])


def double(g, volume, like):
    """Every voxel as 2 by 2 by 2, cut to the shape of `like`."""
    wide = g.op(
        'Resize', g.op('Unsqueeze', volume, [0, 1]), '', g.const([1.0, 1.0, 2.0, 2.0, 2.0]),
        mode='nearest', coordinate_transformation_mode='asymmetric', nearest_mode='floor',
    )
    wide = g.op('Squeeze', wide, [0, 1])
    return g.op('Slice', wide, [0, 0, 0], g.op('Shape', like), [0, 1, 2])


def middle_of_body(g, x, hull):
    """x index of the middle of the body in every slice, [D, 1, 1]; where there is no body, of the image."""
    weight = g.add(hull, 1e-6)
    return g.div(g.total(g.mul(x, weight), 1, 2), g.total(weight, 1, 2))


def cores_of_each_side(g, hu, air, hull):
    """Right and left cores on the 4 mm grid: connected pieces of deep lung, each named as a whole."""
    cube = g.op('Unsqueeze', air, [0, 1])
    share = g.op('AveragePool', cube, kernel_shape=[3] * 3, pads=[1] * 6, count_include_pad=0)
    core = g.above(g.op('Squeeze', share, [0, 1]), CORE_SHARE)
    piece = name_pieces(g, core, ROUNDS)

    def per_piece(values):
        return sum_per_piece(g, piece, g.mul(values, core))

    x, _ = position(g, hull, 2)
    middle = middle_of_body(g, x, hull)
    size = g.max(per_piece(core), 1.0)
    mean = g.div(per_piece(hu), size)
    right_size = per_piece(g.below(x, middle))
    right_share = g.div(right_size, size)
    lung = g.mul(core, g.above(mean, CORE_HU[0]), g.below(mean, CORE_HU[1]), g.above(size, CORE_CUBES - 0.5))
    on_right = g.mul(lung, g.above(right_share, ONE_SIDED))
    on_left = g.mul(lung, g.below(right_share, 1 - ONE_SIDED))
    mixed = g.sub(g.sub(lung, on_right), on_left)
    # A mixed piece is one lung that crosses the middle when the other lung stands beside it as a piece of its own,
    # larger than the crossing part; otherwise it is both lungs in one, and only its far ends name a side.
    mostly_right = g.above(right_share, 0.5)
    crossing = g.min(right_size, g.sub(size, right_size))
    other_side = g.add(g.mul(mostly_right, g.total(on_left)), g.mul(g.no(mostly_right), g.total(on_right)))
    whole = g.mul(mixed, g.above(other_side, crossing))
    split = g.sub(mixed, whole)
    far_right = g.below(x, g.sub(middle, SEED_MARGIN))
    far_left = g.above(x, g.add(middle, SEED_MARGIN))
    right = g.max(on_right, g.mul(whole, mostly_right), g.mul(split, far_right))
    left = g.max(on_left, g.mul(whole, g.no(mostly_right)), g.mul(split, far_left))
    return right, left


def name_sides(g, hu, air, right, left):
    """Every air voxel goes to the side whose core is nearest along paths through air; dense air is slow to cross.

    One volume carries both answers: twice the whole-numbered cost, plus 1 where the path began in a left core.
    """
    dense = g.op('Floor', g.clip(g.div(g.add(hu, 800.0), 60.0), 0, 5))
    cost = g.mul(g.add(dense, 1.0), 2.0)
    wall = g.mul(g.no(air), FAR)
    start = g.add(g.mul(g.no(g.max(right, left)), FAR), left)
    path = geodesic_distance(g, g.max(start, wall), cost, wall, ROUNDS)
    reached = g.below(path, 2 * REACH)
    half = g.mul(path, 0.5)
    odd = g.mul(g.sub(half, g.op('Floor', half)), 2.0)
    return g.mul(reached, g.no(odd)), g.mul(reached, odd)


def close_gaps(g, score):
    """Grey closing with an octagonal ball, so that vessels inside a lung count as lung."""
    steps = [g.dilate_box if i % 2 else g.dilate_cross for i in range(CLOSING_VOXELS)]
    for step in steps:
        score = step(score)
    for step in steps:
        score = g.turned(step, score)
    return score


def fill_cavities(g, score):
    """What a lung encloses on every side (a nodule) is lung. The ends of the volume are open."""
    body = g.below(score, 0.5)
    outer = spread(g, g.like(body, 0.0), body, ROUNDS, from_border=True)
    return g.max(score, g.sub(body, outer))


def build():
    g = Graph()
    hu = g.clip(g.op('Squeeze', 'ct_hu', [0, 1]), -1100, 400)
    air = g.below(hu, LUNG_HU)
    tissue = g.no(air)
    # Opened by 3 by 3 voxels: table tops, tubes and clothes thinner than 6 mm are no body wall.
    thick = g.dilate_plane(g.turned(g.dilate_plane, tissue, 1, 1), 1, 1)
    anterior, posterior = sides_with_tissue(g, thick, 1)
    right_side, left_side = sides_with_tissue(g, thick, 2)
    # A lung may be cut by one side of a small field of view; a table top has no tissue below it.
    inside = g.mul(anterior, posterior, g.max(right_side, left_side))
    hull = g.mul(anterior, posterior, right_side, left_side)
    room = g.mul(inside, air, g.no(outer_air(g, hu, air)))
    airways = large_airways(g, hu, room, thick)
    lung_air = g.mul(room, g.no(airways))

    right_core, left_core = cores_of_each_side(g, halve(g, hu), halve(g, lung_air), halve(g, hull))
    right_core = g.mul(double(g, right_core, air), lung_air)
    left_core = g.mul(double(g, left_core, air), lung_air)
    right, left = name_sides(g, hu, lung_air, right_core, left_core)

    soft = g.clip(g.add(g.div(g.sub(LUNG_HU, hu), EDGE_HU), 0.5), 0, 1)
    allowed = g.no(airways)
    scores = []
    for own, other in ((right, left), (left, right)):
        # One voxel around the label keeps the falling edge, from which the node interpolates the border.
        score = g.mul(soft, g.dilate_box(own), g.no(other), allowed)
        filled = fill_cavities(g, close_gaps(g, score))
        scores.append(g.mul(filled, g.no(other), allowed))
    background = g.no(g.max(*scores))
    stacked = g.op('Concat', *[g.op('Unsqueeze', s, [0, 1]) for s in (background, *scores)], axis=1)
    g.nodes.append(helper.make_node('Identity', [stacked], ['scores']))

    return g.model(
        [helper.make_tensor_value_info('ct_hu', TensorProto.FLOAT, [1, 1, 'D', 'H', 'W'])],
        [helper.make_tensor_value_info('scores', TensorProto.FLOAT, [1, 3, 'D', 'H', 'W'])],
        'Right and left lung on CT: thresholds, morphology and geodesic sweeps on a 2 mm grid. No learned weights.',
    )
