/**
 * Who wrote a file or speaks on an association (PS3.7 Annex D.3.3.2, PS3.10 Section 7.1). The UID is
 * deterministicUid('voxgate', 'implementation class uid'), written out so that it can be found by searching.
 */
export const IMPLEMENTATION_CLASS_UID = '2.25.258240260777335947436578557378492601487';

/** At most 16 characters (PS3.7 Section D.3.3.2.3). */
export const IMPLEMENTATION_VERSION_NAME = 'VOXGATE_0_1';
