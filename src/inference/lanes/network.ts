/** Element types that go into a network: 16-bit floats as their bits. */
export type InputType = 'float32' | 'float16';
export type InputValues = Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** One network in one place: a file that ONNX Runtime opens here, or a model of a server. */
export type NetworkRef =
  | {
      readonly kind: 'file';
      /** A session is kept by it, the provider and the threads. */
      readonly key: string;
      readonly path: string;
      readonly provider: 'cpu' | 'cuda' | 'tensorrt';
      readonly threads: number;
      /** Its answers are so large that memory is given back after each run. */
      readonly large: boolean;
    }
  | {
      readonly kind: 'kserve';
      readonly url: string;
      readonly model: string;
      readonly version?: string;
      /** Of one request. */
      readonly timeoutMs: number;
    };

/** A named tensor as the network declares it; a length that is free is a name, or -1. */
export interface Port {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly (number | string)[];
}

export interface NetworkShape {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

export interface NetworkCall {
  readonly network: NetworkRef;
  readonly input: {
    readonly name: string;
    readonly type: InputType;
    readonly dims: readonly number[];
    /** Given away with the call. */
    readonly values: InputValues;
  };
  readonly outputs: readonly string[];
}

/** Whatever the network's type of number, as 32-bit floats. */
export interface OutputTensor {
  readonly dims: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

/** Something that computes one call at a time: a thread with ONNX Runtime, or a connection to a server. */
export interface Runner {
  describe(network: NetworkRef): Promise<NetworkShape>;
  run(call: NetworkCall): Promise<readonly OutputTensor[]>;
}
