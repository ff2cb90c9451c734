/** What a bundle may cost to look at: foreign data is bounded before it is understood. */
export const BUNDLE_LIMITS = {
  /** Files in a folder or zip: the zoo's largest bundle has 62. */
  entries: 4096,
  folderDepth: 12,
  /** One configuration file; the zoo's longest is 57 kB. */
  configBytes: 2 << 20,
  /** Everything a zip says it holds, unpacked. */
  totalBytes: 64 * 2 ** 30,
  /** deflate reaches 1032; what is read here is text and weights, which never come near this. */
  ratio: 200,
  /** Lists and maps within each other in a configuration. */
  depth: 48,
  /** Values in a configuration; wholeBody_ct_segmentation has some 700. */
  nodes: 100_000,
  keyLength: 512,
  /** Of one `$` expression. */
  expressionLength: 4096,
  /** Operations within each other: a sum of so many terms, too. */
  treeDepth: 256,
  /** Steps of evaluation in all: a few references that double each time would never end. */
  steps: 200_000,
  /** Of a list that an expression makes. */
  listLength: 10_000,
  /** Edge of any image or window, in voxels. */
  edge: 4096,
} as const;
