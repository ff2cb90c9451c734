/**
 * Protocol data units as their bytes arrive (PS3.8 9.3). What a P-DATA-TF carries is handed on piece by piece, in
 * order, uncopied and unaccumulated; every other PDU is handed on whole.
 *
 * Takes the place of the accumulator in dcmjs-dimse, which joins all bytes of an unfinished PDU anew at each chunk and
 * does not wait for whoever consumes them: a slow disk then fills memory and fragments can overtake each other.
 */
export interface PduSink {
  /** A whole PDU that is not P-DATA-TF, header included. */
  control(pdu: Buffer): Promise<void> | undefined;
  /** A piece of a presentation data value; `last` with the end of the message's last fragment. */
  fragment(contextId: number, isCommand: boolean, piece: Buffer, last: boolean): Promise<void> | undefined;
}

/** What came is no DICOM upper layer traffic; the association is aborted (PS3.8 9.3.8, provider). */
export class PduError extends Error {
  /** Abort reason of PS3.8 Table 9-26: 1 unrecognized PDU, 2 unexpected PDU, 6 invalid PDU parameter value. */
  readonly abortReason: 1 | 2 | 6;
  constructor(sentence: string, abortReason: 1 | 2 | 6) {
    super(sentence);
    this.abortReason = abortReason;
  }
}

const P_DATA_TF = 0x04;
const KNOWN_TYPES = new Set([0x01, 0x02, 0x03, P_DATA_TF, 0x05, 0x06, 0x07]);
const HEADER_BYTES = 6;
/** 128 presentation contexts with every transfer syntax make about 200 kB. */
const LARGEST_CONTROL_PDU = 1024 * 1024;
/** A-RELEASE and A-ABORT carry four bytes. */
const SMALLEST_CONTROL_PDU = 4;
const PDV_HEADER_BYTES = 6;
const COMMAND_BIT = 1;
const LAST_BIT = 2;

const EMPTY: Buffer = Buffer.alloc(0);

type State = 'header' | 'control' | 'pdv-header' | 'pdv-data';

export class PduReader {
  readonly #sink: PduSink;
  #state: State = 'header';
  /** Bytes of a header or control PDU that came so far. */
  #gathered: Buffer = EMPTY;
  #wanted = HEADER_BYTES;
  /** Bytes of the current P-DATA-TF, and of its current PDV, still to come. */
  #pduLeft = 0;
  #pdvLeft = 0;
  #contextId = 0;
  #control = 0;

  constructor(sink: PduSink) {
    this.#sink = sink;
  }

  /** True when nothing is half received. */
  get atBoundary(): boolean {
    return this.#state === 'header' && this.#gathered.length === 0;
  }

  /**
   * Takes what the socket gave; returns a promise only where the sink has to be waited for, which is the exception.
   * @throws PduError
   */
  push(chunk: Buffer): Promise<void> | undefined {
    return this.#pushFrom(chunk, 0);
  }

  #pushFrom(chunk: Buffer, start: number): Promise<void> | undefined {
    let at = start;
    while (at < chunk.length) {
      let wait: Promise<void> | undefined;
      if (this.#state === 'pdv-data') {
        const piece = chunk.subarray(at, at + this.#pdvLeft);
        at += piece.length;
        wait = this.#takePiece(piece);
      } else {
        const missing = this.#wanted - this.#gathered.length;
        const part = chunk.subarray(at, at + missing);
        at += part.length;
        this.#gathered = this.#gathered.length === 0 ? part : Buffer.concat([this.#gathered, part]);
        if (this.#gathered.length < this.#wanted) return undefined;
        const whole = this.#gathered;
        this.#gathered = EMPTY;
        wait = this.#takeWhole(whole);
      }
      const next = at;
      if (wait) return wait.then(() => this.#pushFrom(chunk, next));
    }
    return undefined;
  }

  #takeWhole(bytes: Buffer): Promise<void> | undefined {
    if (this.#state === 'header') return this.#takeHeader(bytes);
    if (this.#state === 'pdv-header') return this.#takePdvHeader(bytes);
    this.#expect('header', HEADER_BYTES);
    return this.#sink.control(bytes);
  }

  #takeHeader(bytes: Buffer): undefined {
    const type = bytes.readUInt8(0);
    const length = bytes.readUInt32BE(2);
    if (!KNOWN_TYPES.has(type)) throw new PduError(`PDU type ${type.toString(16).padStart(2, '0')}H is not known`, 1);
    if (type === P_DATA_TF) {
      this.#pduLeft = length;
      this.#nextPdv();
      return;
    }
    if (length < SMALLEST_CONTROL_PDU || length > LARGEST_CONTROL_PDU)
      throw new PduError(`a PDU of type ${type.toString(16).padStart(2, '0')}H declares ${length} bytes`, 6);
    this.#expect('control', HEADER_BYTES + length);
    this.#gathered = bytes;
  }

  #takePdvHeader(bytes: Buffer): Promise<void> | undefined {
    const itemLength = bytes.readUInt32BE(0);
    if (itemLength < 2 || itemLength + 4 > this.#pduLeft)
      throw new PduError(
        `a presentation data value declares ${itemLength} bytes in a PDU with ${this.#pduLeft} left`,
        6,
      );
    this.#contextId = bytes.readUInt8(4);
    this.#control = bytes.readUInt8(5);
    this.#pduLeft -= itemLength + 4;
    this.#pdvLeft = itemLength - 2;
    this.#state = 'pdv-data';
    return this.#pdvLeft === 0 ? this.#takePiece(EMPTY) : undefined;
  }

  #takePiece(piece: Buffer): Promise<void> | undefined {
    this.#pdvLeft -= piece.length;
    const ended = this.#pdvLeft === 0;
    if (ended) this.#nextPdv();
    return this.#sink.fragment(
      this.#contextId,
      (this.#control & COMMAND_BIT) !== 0,
      piece,
      ended && (this.#control & LAST_BIT) !== 0,
    );
  }

  #nextPdv(): void {
    if (this.#pduLeft === 0) this.#expect('header', HEADER_BYTES);
    else if (this.#pduLeft < PDV_HEADER_BYTES)
      throw new PduError(`a P-DATA-TF ends ${this.#pduLeft} bytes into a presentation data value`, 6);
    else this.#expect('pdv-header', PDV_HEADER_BYTES);
  }

  #expect(state: State, bytes: number): void {
    this.#state = state;
    this.#wanted = bytes;
  }
}
