import type { Vec3 } from './grid.ts';

/** What a voxel of the phantom is, for tests that know the answer. */
export const PHANTOM_LABELS = { nothing: 0, rightLung: 1, leftLung: 2, airway: 3, nodule: 4 } as const;

type Label = (typeof PHANTOM_LABELS)[keyof typeof PHANTOM_LABELS];

/**
 * A filled ellipsoid, its axes along those of the patient; LPS, mm, the middle of the chest at 0, 0, 0. Without a radius
 * along z it is a cylinder, from end to end of the stack or between `from` and `to`.
 */
export interface Shape {
  readonly centre: Vec3;
  readonly radii: readonly [x: number, y: number, z: number | null];
  readonly from?: number;
  readonly to?: number;
  readonly hu: number;
  readonly label: Label;
}

const HU = { air: -1000, lung: -850, fat: -100, fluid: 10, tissue: 40, liver: 60, disc: 90, table: 60, bone: 400 };

const BODY = { x: 170, y: 120 };

/** Lengths in the patient: what lies deeper than 10 mm is muscle and organs; ribs run 16 mm below the skin. */
const FAT_RIM = 10;
const RIB_DEPTH = 16;

const tissue = (centre: Vec3, radii: Shape['radii'], hu: number, ends: Pick<Shape, 'from' | 'to'> = {}): Shape => ({
  centre,
  radii,
  hu,
  label: PHANTOM_LABELS.nothing,
  ...ends,
});

const labelled = (
  label: Label,
  centre: Vec3,
  radii: Shape['radii'],
  hu: number,
  ends: Pick<Shape, 'from' | 'to'> = {},
): Shape => ({
  ...tissue(centre, radii, hu, ends),
  label,
});

/**
 * A chest, painted in this order: a later shape covers an earlier one. The right lung (the patient's right: smaller x) is
 * the larger; at least 40 mm of mediastinum lie between the lungs, at least 25 mm of wall around them. The main bronchi
 * end inside the mediastinum, so that lungs and airway are three separate bodies of air.
 */
export const CHEST: readonly Shape[] = [
  tissue([0, 131, 0], [190, 4, null], HU.table),
  tissue([0, 0, 0], [BODY.x, BODY.y, null], HU.fat),
  tissue([0, 0, 0], [BODY.x - FAT_RIM, BODY.y - FAT_RIM, null], HU.tissue),
  ...ribs(),
  tissue([0, -98, 0], [18, 6, null], HU.bone),

  labelled(PHANTOM_LABELS.rightLung, [-81, 0, 0], [56, 68, 125], HU.lung),
  labelled(PHANTOM_LABELS.leftLung, [84, 2, 0], [51, 64, 120], HU.lung),
  labelled(PHANTOM_LABELS.nodule, [95, 15, 20], [4, 4, 4], HU.tissue),
  tissue([30, -25, -40], [55, 45, 60], HU.tissue),
  tissue([-79, 0, -150], [66, 76, 80], HU.liver),
  tissue([80, 5, -150], [60, 72, 70], HU.tissue),

  ...spine(),
  labelled(PHANTOM_LABELS.airway, [0, 10, 0], [9, 9, null], HU.air, { from: 25 }),
  ...bronchus([0, 10, 28], [-13, 12, 0]),
  ...bronchus([0, 10, 28], [20, 12, -5]),
];

/** Twelve pairs, 24 mm apart, each falling 60 mm from back to front: a string of beads that touch. */
function ribs(): Shape[] {
  const beads: Shape[] = [];
  const [across, deep] = [BODY.x - RIB_DEPTH, BODY.y - RIB_DEPTH];
  for (let pair = 0; pair < 12; pair++) {
    const back = -120 + pair * 24;
    for (let degrees = 15; degrees <= 165; degrees += 4) {
      const angle = (degrees * Math.PI) / 180;
      const [x, y, z] = [across * Math.sin(angle), deep * Math.cos(angle), back - (60 * degrees) / 180];
      beads.push(tissue([x, y, z], [6, 6, 7], HU.bone), tissue([-x, y, z], [6, 6, 7], HU.bone));
    }
  }
  return beads;
}

/** Vertebral bodies and arches with a canal, a disc every 30 mm. */
function spine(): Shape[] {
  const discs: Shape[] = [];
  for (let z = -300; z <= 300; z += 30)
    discs.push(tissue([0, 75, 0], [17, 17, null], HU.disc, { from: z - 3, to: z + 3 }));
  return [
    tissue([0, 75, 0], [18, 18, null], HU.bone),
    ...discs,
    tissue([0, 97, 0], [14, 12, null], HU.bone),
    tissue([0, 97, 0], [8, 8, null], HU.fluid),
  ];
}

/** A tube of 5 mm radius. */
function bronchus(start: Vec3, end: Vec3): Shape[] {
  const beads: Shape[] = [];
  for (let step = 0; step <= 10; step++) {
    const at = (axis: 0 | 1 | 2): number => start[axis] + ((end[axis] - start[axis]) * step) / 10;
    beads.push(labelled(PHANTOM_LABELS.airway, [at(0), at(1), at(2)], [5, 5, 5], HU.air));
  }
  return beads;
}
