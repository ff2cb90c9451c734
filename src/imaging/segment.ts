/** Which class of the model becomes which segment of the result. */
export interface Segment {
  /** Segment Number in the result. */
  readonly number: number;
  /** Index of the class in the output of the model. */
  readonly class: number;
}
