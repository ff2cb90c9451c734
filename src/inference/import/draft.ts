import type { ModelManifest } from '../model-manifest.ts';

/** A manifest before its files are known. */
export type ManifestDraft = Omit<ModelManifest, 'files' | 'golden'>;

export interface ImportDraft {
  readonly manifest: ManifestDraft;
  /** What was left out, assumed, or is done in another way: told to who imports. */
  readonly notes: readonly string[];
}

/** What who imports says beside the bundle. */
export interface ImportAnswers {
  readonly id?: string;
  readonly version?: string;
  /** nnU-Net: which of its configurations. */
  readonly configuration?: string;
  /** Towards which sides the axes of the training images ascend ("RAS"), or "stored": as the images lie. */
  readonly axcodes?: string;
  /** nnU-Net: spatial axes that were mirrored in training and may be at inference. */
  readonly mirrorAxes?: readonly number[];
}

/** "Spleen CT segmentation" → "spleen-ct-segmentation" */
export function idOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64)
    .replace(/-$/, '');
}

/** Cut to what fits, at a word where there is one near. */
export function fitted(text: string, length: number, otherwise: string): string {
  const plain = text.replace(/\s+/g, ' ').trim();
  if (plain === '') return otherwise;
  return plain.length <= length ? plain : `${plain.slice(0, length - 1).trimEnd()}…`;
}
