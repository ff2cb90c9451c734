import { createRequire } from 'node:module';

/**
 * The one door to dcmjs, with a typed face. We take its PS3.6 data dictionary; reading, JSON and writing are ours,
 * because dcmjs loses empty items, refuses multi-valued character sets and does not know every VR.
 */
export interface DcmjsDictionaryEntry {
  /** "(GGGG,EEEE)" */
  readonly tag: string;
  /** A VR of PS3.5, or one of dcmjs's own marks: ox (OB or OW), xs (US or SS), lt (US or OW), up (UL), na. */
  readonly vr: string;
  readonly vm: string;
  /** The keyword; retired ones carry the prefix "RETIRED_". */
  readonly name: string;
}

interface Dcmjs {
  readonly data: {
    readonly DicomMetaDictionary: { readonly nameMap: Readonly<Record<string, DcmjsDictionaryEntry>> };
  };
}

const dcmjs: Dcmjs = createRequire(import.meta.url)('dcmjs');

/** Every attribute of PS3.6; repeating groups (50xx, 60xx, 7Fxx) appear once, with the first group of their range. */
export function dictionaryEntries(): readonly DcmjsDictionaryEntry[] {
  return Object.values(dcmjs.data.DicomMetaDictionary.nameMap);
}
