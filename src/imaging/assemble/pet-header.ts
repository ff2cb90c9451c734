/** What an image says about its activity (PS3.3 C.8.9.1, C.8.9.2, C.8.9.4, C.8.22): as it stands, judged by `suvOf`. */
export interface PetHeader {
  /** Units (0054,1001): BQML, CNTS, GML, … */
  readonly units?: string;
  /** SUV Type (0054,1006): BW, LBM, LBMJAMES128, LBMJANMA, BSA, IBW. */
  readonly suvType?: string;
  /** Corrected Image (0028,0051). */
  readonly correctedImage: readonly string[];
  /** Decay Correction (0054,1102): START, ADMIN, NONE. */
  readonly decayCorrection?: string;
  /** kg, m, and M, F or O. */
  readonly weight?: number;
  readonly size?: number;
  readonly sex?: string;
  /** Radionuclide Total Dose (0018,1074), Bq. */
  readonly dose?: number;
  /** Radionuclide Half Life (0018,1075), s. */
  readonly halfLife?: number;
  /** Radiopharmaceutical Start Time (0018,1072) and Start DateTime (0018,1078). */
  readonly injectionTime?: string;
  readonly injectionDateTime?: string;
  readonly radiopharmaceuticals: number;
  readonly seriesDate?: string;
  readonly seriesTime?: string;
  readonly acquisitionDate?: string;
  readonly acquisitionTime?: string;
  /** Frame Reference Time (0054,1300) and Actual Frame Duration (0018,1242), ms. */
  readonly frameReferenceTime?: number;
  readonly frameDuration?: number;
  /** Decay Factor (0054,1321): by how much this image was multiplied. */
  readonly decayFactor?: number;
  /** Of the enhanced object: Decay Correction DateTime (0018,9701). */
  readonly decayCorrectionDateTime?: string;
  /** Philips, (7053,xx00) SUV Scale Factor and (7053,xx09) Activity Concentration Scale Factor. */
  readonly philipsSuvFactor?: number;
  readonly philipsActivityFactor?: number;
  /** GE, (0009,xx0D) scan date and time: when the scan began, whatever was done to the series since. */
  readonly geScanDateTime?: string;
}
