import { open, readFile, stat } from 'node:fs/promises';
import type { PackedFrames } from './packed-frames.ts';

/** What one model found in a series, for another to be held against it. */
export interface KeptMasks extends PackedFrames {
  /** Of each frame. */
  readonly rows: number;
  readonly columns: number;
  /** By Segment Number of the frames. */
  readonly segments: readonly KeptSegment[];
  readonly classes: readonly KeptClass[];
}

export interface KeptSegment {
  readonly number: number;
  /** What it is of, the same in two models that look for the same: coded, not by its name. */
  readonly meaning: string;
  readonly label: string;
  /** 0 where it was not found. */
  readonly volumeMl: number;
}

export interface KeptClass {
  readonly label: string;
  readonly probability: number;
}

/** A hundred organs of a long CT, each in a third of its slices, have 1 GB. */
const LARGEST = 2 ** 30;
const NEWLINE = 10;

/** Writes a line of JSON, then the packed bits. */
export async function writeMasks(path: string, { pixelData, ...rest }: KeptMasks): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(`${JSON.stringify(rest)}\n`);
    await file.writeFile(pixelData);
  } finally {
    await file.close();
  }
}

/** @throws Error where it is not what `writeMasks` wrote */
export async function readMasks(path: string): Promise<KeptMasks> {
  const { size } = await stat(path);
  if (size > LARGEST) throw new Error(`the masks have ${size} bytes, ${LARGEST} are the most`);
  const bytes = await readFile(path);
  const end = bytes.indexOf(NEWLINE);
  const head: Omit<KeptMasks, 'pixelData'> = JSON.parse(bytes.toString('utf8', 0, end));
  const pixelData = bytes.subarray(end + 1);
  const wanted = Math.ceil((head.frames.length * head.rows * head.columns) / 8);
  if (pixelData.length !== wanted) throw new Error(`the masks have ${pixelData.length} bytes of ${wanted}`);
  return { ...head, pixelData };
}
