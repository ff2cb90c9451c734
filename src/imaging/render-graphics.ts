import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, numbers, text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { isAbout, type Shown } from './render-presentation.ts';
import { LINE_HEIGHT, textPath, textWidth } from './render-text.ts';

type Point = readonly [x: number, y: number];

export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** From pixels of the image, the upper left corner of the first being 0\0, to pixels of the result. */
  readonly fromImage: (point: Point) => Point;
}

/** Text and lines of a presentation state (PS3.3 C.10.5) as SVG elements, layer by layer (C.10.7). */
export function graphicsSvg(state: JsonDataset, shown: Shown, canvas: Canvas): string {
  const orders = new Map(
    items(state, 'GraphicLayerSequence').map((layer) => [
      text(layer, 'GraphicLayer')?.trim() ?? '',
      number(layer, 'GraphicLayerOrder') ?? 0,
    ]),
  );
  const orderOf = (item: JsonDataset): number => orders.get(text(item, 'GraphicLayer')?.trim() ?? '') ?? 0;
  const drawing = items(state, 'GraphicAnnotationSequence')
    .filter((item) => isAbout(item, shown))
    .sort((a, b) => orderOf(a) - orderOf(b))
    .flatMap((item) => [
      ...items(item, 'GraphicObjectSequence').map((graphic) => graphicSvg(graphic, canvas)),
      ...items(item, 'TextObjectSequence').map((one) => textSvg(one, canvas)),
    ])
    .join('');
  if (drawing.length > LONGEST_DRAWING) throw refused('more graphics than are drawn');
  return drawing;
}

/** Some ten thousand lines: what is more is a mistake, or is meant to take long. */
const LONGEST_DRAWING = 4 * 2 ** 20;
const LONGEST_LINE = 200;

/** Where the points of an object lie in the result: in the image, or in the area that is displayed. */
function placed(values: readonly number[], units: string | undefined, canvas: Canvas): Point[] {
  const points: Point[] = [];
  for (let i = 0; i + 1 < values.length; i += 2) {
    const point: Point = [values[i]!, values[i + 1]!];
    if (!point.every(Number.isFinite)) throw refused('a point that is no point');
    points.push(
      units?.trim() === 'DISPLAY' ? [point[0] * canvas.width, point[1] * canvas.height] : canvas.fromImage(point),
    );
  }
  return points;
}

function graphicSvg(graphic: JsonDataset, canvas: Canvas): string {
  const type = text(graphic, 'GraphicType')?.trim();
  const points = placed(numbers(graphic, 'GraphicData'), text(graphic, 'GraphicAnnotationUnits'), canvas);
  // A value too long to be read here leaves no points; a line that is not there would not be missed.
  if (points.length === 0) throw refused('graphics of no points, or of more than are drawn');
  const path = PATHS[type ?? '']?.(points);
  if (path === undefined) throw refused(`graphics of type ${type ?? 'none'}`);
  const fill = text(graphic, 'GraphicFilled')?.trim() === 'Y' ? '#fff' : 'none';
  return `<path d="${path}" fill="none" stroke="#000" stroke-width="3"/><path d="${path}" fill="${fill}" stroke="#fff"/>`;
}

const PATHS: Readonly<Record<string, (points: readonly Point[]) => string>> = {
  POINT: (points) => points.map(([x, y]) => `M${n(x - 3)} ${n(y)}h6M${n(x)} ${n(y - 3)}v6`).join(''),
  POLYLINE: (points) => lineThrough(points),
  INTERPOLATED: curveThrough,
  CIRCLE: ([centre, rim]) => {
    if (!centre || !rim) return '';
    const radius = Math.hypot(rim[0] - centre[0], rim[1] - centre[1]);
    return ellipse(centre, [radius, 0], radius);
  },
  ELLIPSE: ([a, b, c, d]) => {
    if (!a || !b || !c || !d) return '';
    const centre: Point = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    return ellipse(centre, [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2], Math.hypot(d[0] - c[0], d[1] - c[1]) / 2);
  },
};

function lineThrough(points: readonly Point[]): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${n(x)} ${n(y)}`).join('');
}

/** A smooth curve through all points (Catmull and Rom); the standard leaves its kind open. */
function curveThrough(points: readonly Point[]): string {
  const at = (i: number): Point => points[Math.max(0, Math.min(points.length - 1, i))] ?? [0, 0];
  const curves = points.slice(1).map((end, i) => {
    const [before, start, after] = [at(i - 1), at(i), at(i + 2)];
    const first = [start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6];
    const second = [end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6];
    return `C${[...first, ...second, ...end].map(n).join(' ')}`;
  });
  return `${lineThrough(points.slice(0, 1))}${curves.join('')}`;
}

function ellipse([cx, cy]: Point, [dx, dy]: Point, other: number): string {
  const angle = (Math.atan2(dy, dx) * 180) / Math.PI;
  const arc = `A${n(Math.hypot(dx, dy))} ${n(other)} ${n(angle)} 1 0`;
  return `M${n(cx - dx)} ${n(cy - dy)}${arc} ${n(cx + dx)} ${n(cy + dy)}${arc} ${n(cx - dx)} ${n(cy - dy)}Z`;
}

function textSvg(one: JsonDataset, canvas: Canvas): string {
  const lines = (text(one, 'UnformattedTextValue') ?? '')
    .split(/\r\n|\r|\n/, 100)
    .map((line) => line.slice(0, LONGEST_LINE));
  const dot = Math.max(1, Math.round(Math.min(canvas.width, canvas.height) / 512));
  const box = placed(
    [...numbers(one, 'BoundingBoxTopLeftHandCorner'), ...numbers(one, 'BoundingBoxBottomRightHandCorner')],
    text(one, 'BoundingBoxAnnotationUnits'),
    canvas,
  );
  const [anchor] = placed(numbers(one, 'AnchorPoint'), text(one, 'AnchorPointAnnotationUnits'), canvas);
  const place = boxCorner(box) ?? anchor;
  if (!place) throw refused('a text without a place');
  const width = Math.max(...lines.map(textWidth)) * dot;
  const height = lines.length * LINE_HEIGHT * dot;
  const x = Math.max(0, Math.min(place[0], canvas.width - width));
  const y = Math.max(0, Math.min(place[1], canvas.height - height));
  const isLed = anchor && text(one, 'AnchorPointVisibility')?.trim() === 'Y' && box.length > 0;
  const leader = isLed ? `<path d="${lineThrough([anchor, [x, y + height / 2]])}" stroke="#fff" fill="none"/>` : '';
  const path = textPath(lines, { x, y, dot });
  return `${leader}<path d="${path}" fill="#fff" stroke="#000" stroke-width="2" paint-order="stroke"/>`;
}

/** Upper left of the box as it lies in the result, whatever the turning made of its corners. */
function boxCorner([a, b]: readonly Point[]): Point | undefined {
  return a && b ? [Math.min(a[0], b[0]), Math.min(a[1], b[1])] : undefined;
}

function n(value: number): number {
  return Math.round(value * 100) / 100;
}

function refused(what: string): VoxgateError {
  return new VoxgateError('not-acceptable', `presentation states with ${what} are not rendered here`);
}
