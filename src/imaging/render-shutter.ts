import type { JsonDataset } from '../dicom/dataset.ts';
import { number, numbers, texts } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import type { Picture } from './render-request.ts';

/** Whether a pixel, counted from 1, is seen. */
type Opening = (row: number, column: number) => boolean;

/**
 * Covers what lies outside the display shutters (PS3.3 C.7.6.11) with their grey; several are all in force.
 * @throws VoxgateError undecodable for a shutter of a kind that is not drawn here
 */
export function drawShutters(picture: Picture, dataset: JsonDataset): Picture {
  const openings = texts(dataset, 'ShutterShape')
    .map((shape) => shape.trim())
    .filter((shape) => shape !== '')
    .map((shape) => openingOf(shape, dataset));
  if (openings.length === 0) return picture;
  const grey = (number(dataset, 'ShutterPresentationValue') ?? 0) >> 8;
  const { width, height, channels } = picture;
  const data = Uint8Array.from(picture.data);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (openings.every((isOpen) => isOpen(y + 1, x + 1))) continue;
      data.fill(grey, (y * width + x) * channels, (y * width + x + 1) * channels);
    }
  }
  return { ...picture, data };
}

function openingOf(shape: string, dataset: JsonDataset): Opening {
  switch (shape) {
    case 'RECTANGULAR': {
      const edge = (name: string, otherwise: number): number => number(dataset, name) ?? otherwise;
      const left = edge('ShutterLeftVerticalEdge', 0);
      const right = edge('ShutterRightVerticalEdge', Number.POSITIVE_INFINITY);
      const upper = edge('ShutterUpperHorizontalEdge', 0);
      const lower = edge('ShutterLowerHorizontalEdge', Number.POSITIVE_INFINITY);
      return (row, column) => row >= upper && row <= lower && column >= left && column <= right;
    }
    case 'CIRCULAR': {
      const [centreRow = 0, centreColumn = 0] = numbers(dataset, 'CenterOfCircularShutter');
      const radius = number(dataset, 'RadiusOfCircularShutter') ?? 0;
      return (row, column) => Math.hypot(row - centreRow, column - centreColumn) <= radius;
    }
    case 'POLYGONAL': {
      const vertices = numbers(dataset, 'VerticesOfThePolygonalShutter');
      return (row, column) => isInside(row, column, vertices);
    }
    default:
      throw new VoxgateError('undecodable', `display shutters of shape ${shape} are not drawn here`);
  }
}

/** By the number of edges that a line from the point on crosses; row and column of each vertex in turn. */
function isInside(row: number, column: number, vertices: readonly number[]): boolean {
  let inside = false;
  const count = vertices.length >> 1;
  for (let i = 0, before = count - 1; i < count; before = i++) {
    const [r1, c1] = [vertices[2 * i]!, vertices[2 * i + 1]!];
    const [r2, c2] = [vertices[2 * before]!, vertices[2 * before + 1]!];
    if (r1 > row !== r2 > row && column < ((c2 - c1) * (row - r1)) / (r2 - r1) + c1) inside = !inside;
  }
  return inside;
}
