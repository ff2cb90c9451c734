/** One transfer syntax of PS3.6 Table A-1, with what PS3.5 Annex A and PS3.18 Section 8.7.3 say about it. */
export interface TransferSyntax {
  readonly uid: string;
  readonly name: string;
  /** Whether data elements carry their VR (PS3.5 Section 7.1). */
  readonly explicitVr: boolean;
  readonly bigEndian: boolean;
  /** The whole data set is deflated (PS3.5 Annex A.5). */
  readonly deflated: boolean;
  /** Pixel Data are fragments in items (PS3.5 Annex A.4). */
  readonly encapsulated: boolean;
  /** All frames are one video stream (PS3.5 Section 8.2.5 and following). */
  readonly video: boolean;
  /** Whether the encoding as such can lose information; some syntaxes allow both and are marked lossy. */
  readonly lossy: boolean;
  /** Of one frame, or of the whole stream for video (PS3.18 Tables 8.7.3-2, 8.7.3-4 and 8.7.3-5). */
  readonly mediaType: string;
  readonly retired: boolean;
}

export const IMPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1.99';
export const EXPLICIT_VR_BIG_ENDIAN = '1.2.840.10008.1.2.2';
export const RLE_LOSSLESS = '1.2.840.10008.1.2.5';

const OCTETS = 'application/octet-stream';

type Marks = Partial<Omit<TransferSyntax, 'uid' | 'name' | 'mediaType'>>;

function native(uid: string, name: string, marks: Marks = {}): TransferSyntax {
  return { ...PLAIN, uid, name, mediaType: OCTETS, ...marks };
}

function image(uid: string, name: string, mediaType: string, marks: Marks = {}): TransferSyntax {
  return { ...PLAIN, uid, name, mediaType, encapsulated: true, ...marks };
}

function video(uid: string, name: string, mediaType: string): TransferSyntax {
  return { ...PLAIN, uid, name, mediaType, encapsulated: true, video: true, lossy: true };
}

const PLAIN = {
  explicitVr: true,
  bigEndian: false,
  deflated: false,
  encapsulated: false,
  video: false,
  lossy: false,
  retired: false,
} as const;
const LOSSY = { lossy: true } as const;
const RETIRED = { retired: true } as const;
const RETIRED_LOSSY = { lossy: true, retired: true } as const;

export const TRANSFER_SYNTAXES: readonly TransferSyntax[] = [
  native(IMPLICIT_VR_LITTLE_ENDIAN, 'Implicit VR Little Endian', { explicitVr: false }),
  native(EXPLICIT_VR_LITTLE_ENDIAN, 'Explicit VR Little Endian'),
  image('1.2.840.10008.1.2.1.98', 'Encapsulated Uncompressed Explicit VR Little Endian', OCTETS),
  native(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, 'Deflated Explicit VR Little Endian', { deflated: true }),
  native(EXPLICIT_VR_BIG_ENDIAN, 'Explicit VR Big Endian', { bigEndian: true, retired: true }),
  image('1.2.840.10008.1.2.4.50', 'JPEG Baseline (Process 1)', 'image/jpeg', LOSSY),
  image('1.2.840.10008.1.2.4.51', 'JPEG Extended (Process 2 and 4)', 'image/jpeg', LOSSY),
  image('1.2.840.10008.1.2.4.52', 'JPEG Extended (Process 3 and 5)', 'image/jpeg', RETIRED_LOSSY),
  image(
    '1.2.840.10008.1.2.4.53',
    'JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)',
    'image/jpeg',
    RETIRED_LOSSY,
  ),
  image(
    '1.2.840.10008.1.2.4.54',
    'JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)',
    'image/jpeg',
    RETIRED_LOSSY,
  ),
  image(
    '1.2.840.10008.1.2.4.55',
    'JPEG Full Progression, Non-Hierarchical (Process 10 and 12)',
    'image/jpeg',
    RETIRED_LOSSY,
  ),
  image(
    '1.2.840.10008.1.2.4.56',
    'JPEG Full Progression, Non-Hierarchical (Process 11 and 13)',
    'image/jpeg',
    RETIRED_LOSSY,
  ),
  image('1.2.840.10008.1.2.4.57', 'JPEG Lossless, Non-Hierarchical (Process 14)', 'image/jpeg'),
  image('1.2.840.10008.1.2.4.58', 'JPEG Lossless, Non-Hierarchical (Process 15)', 'image/jpeg', RETIRED),
  image('1.2.840.10008.1.2.4.59', 'JPEG Extended, Hierarchical (Process 16 and 18)', 'image/jpeg', RETIRED_LOSSY),
  image('1.2.840.10008.1.2.4.60', 'JPEG Extended, Hierarchical (Process 17 and 19)', 'image/jpeg', RETIRED_LOSSY),
  image(
    '1.2.840.10008.1.2.4.61',
    'JPEG Spectral Selection, Hierarchical (Process 20 and 22)',
    'image/jpeg',
    RETIRED_LOSSY,
  ),
  image(
    '1.2.840.10008.1.2.4.62',
    'JPEG Spectral Selection, Hierarchical (Process 21 and 23)',
    'image/jpeg',
    RETIRED_LOSSY,
  ),
  image(
    '1.2.840.10008.1.2.4.63',
    'JPEG Full Progression, Hierarchical (Process 24 and 26)',
    'image/jpeg',
    RETIRED_LOSSY,
  ),
  image(
    '1.2.840.10008.1.2.4.64',
    'JPEG Full Progression, Hierarchical (Process 25 and 27)',
    'image/jpeg',
    RETIRED_LOSSY,
  ),
  image('1.2.840.10008.1.2.4.65', 'JPEG Lossless, Hierarchical (Process 28)', 'image/jpeg', RETIRED),
  image('1.2.840.10008.1.2.4.66', 'JPEG Lossless, Hierarchical (Process 29)', 'image/jpeg', RETIRED),
  image(
    '1.2.840.10008.1.2.4.70',
    'JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14, Selection Value 1)',
    'image/jpeg',
  ),
  image('1.2.840.10008.1.2.4.80', 'JPEG-LS Lossless', 'image/jls'),
  image('1.2.840.10008.1.2.4.81', 'JPEG-LS Lossy (Near-Lossless)', 'image/jls', LOSSY),
  image('1.2.840.10008.1.2.4.90', 'JPEG 2000 (Lossless Only)', 'image/jp2'),
  image('1.2.840.10008.1.2.4.91', 'JPEG 2000', 'image/jp2', LOSSY),
  image('1.2.840.10008.1.2.4.92', 'JPEG 2000 Part 2 Multi-component (Lossless Only)', 'image/jpx'),
  image('1.2.840.10008.1.2.4.93', 'JPEG 2000 Part 2 Multi-component', 'image/jpx', LOSSY),
  native('1.2.840.10008.1.2.4.94', 'JPIP Referenced'),
  native('1.2.840.10008.1.2.4.95', 'JPIP Referenced Deflate', { deflated: true }),
  video('1.2.840.10008.1.2.4.100', 'MPEG2 Main Profile / Main Level', 'video/mpeg'),
  video('1.2.840.10008.1.2.4.100.1', 'Fragmentable MPEG2 Main Profile / Main Level', 'video/mpeg'),
  video('1.2.840.10008.1.2.4.101', 'MPEG2 Main Profile / High Level', 'video/mpeg'),
  video('1.2.840.10008.1.2.4.101.1', 'Fragmentable MPEG2 Main Profile / High Level', 'video/mpeg'),
  video('1.2.840.10008.1.2.4.102', 'MPEG-4 AVC/H.264 High Profile / Level 4.1', 'video/mp4'),
  video('1.2.840.10008.1.2.4.102.1', 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1', 'video/mp4'),
  video('1.2.840.10008.1.2.4.103', 'MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1', 'video/mp4'),
  video(
    '1.2.840.10008.1.2.4.103.1',
    'Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1',
    'video/mp4',
  ),
  video('1.2.840.10008.1.2.4.104', 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video', 'video/mp4'),
  video(
    '1.2.840.10008.1.2.4.104.1',
    'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video',
    'video/mp4',
  ),
  video('1.2.840.10008.1.2.4.105', 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video', 'video/mp4'),
  video(
    '1.2.840.10008.1.2.4.105.1',
    'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video',
    'video/mp4',
  ),
  video('1.2.840.10008.1.2.4.106', 'MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2', 'video/mp4'),
  video('1.2.840.10008.1.2.4.106.1', 'Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2', 'video/mp4'),
  video('1.2.840.10008.1.2.4.107', 'HEVC/H.265 Main Profile / Level 5.1', 'video/mp4'),
  video('1.2.840.10008.1.2.4.108', 'HEVC/H.265 Main 10 Profile / Level 5.1', 'video/mp4'),
  image('1.2.840.10008.1.2.4.110', 'JPEG XL Lossless', 'image/jxl'),
  image('1.2.840.10008.1.2.4.111', 'JPEG XL JPEG Recompression', 'image/jxl', LOSSY),
  image('1.2.840.10008.1.2.4.112', 'JPEG XL', 'image/jxl', LOSSY),
  image('1.2.840.10008.1.2.4.201', 'High-Throughput JPEG 2000 (Lossless Only)', 'image/jphc'),
  image('1.2.840.10008.1.2.4.202', 'High-Throughput JPEG 2000 with RPCL Options (Lossless Only)', 'image/jphc'),
  image('1.2.840.10008.1.2.4.203', 'High-Throughput JPEG 2000', 'image/jphc', LOSSY),
  native('1.2.840.10008.1.2.4.204', 'JPIP HTJ2K Referenced'),
  native('1.2.840.10008.1.2.4.205', 'JPIP HTJ2K Referenced Deflate', { deflated: true }),
  image(RLE_LOSSLESS, 'RLE Lossless', 'image/dicom-rle'),
  native('1.2.840.10008.1.2.6.1', 'RFC 2557 MIME encapsulation', RETIRED),
  native('1.2.840.10008.1.2.6.2', 'XML Encoding', RETIRED),
  image('1.2.840.10008.1.2.8.1', 'Deflated Image Frame Compression', OCTETS),
];

const byUid: ReadonlyMap<string, TransferSyntax> = new Map(TRANSFER_SYNTAXES.map((syntax) => [syntax.uid, syntax]));

/** The transfer syntax of that UID, if PS3.6 names it. */
export function transferSyntaxOf(uid: string): TransferSyntax | undefined {
  return byUid.get(uid);
}

/**
 * How to read a data set in that syntax. Unknown ones, private or newer than this table, are taken as explicit VR
 * little endian with encapsulated pixels, which is what PS3.5 Annex A.4 asks of every new one.
 */
export function readableSyntax(uid: string): TransferSyntax {
  return byUid.get(uid) ?? image(uid, 'unknown', OCTETS);
}
