import { VoxgateError } from '../../errors.ts';
import type { NetworkCall, NetworkRef, NetworkShape, OutputTensor, Runner } from './network.ts';

/** A server that speaks KServe v2. */
export class KserveRunner implements Runner {
  describe(_network: NetworkRef): Promise<NetworkShape> {
    return Promise.reject(
      new VoxgateError('inference-failed', 'servers that speak KServe v2 are not asked by this version'),
    );
  }
  run(_call: NetworkCall): Promise<readonly OutputTensor[]> {
    return Promise.reject(
      new VoxgateError('inference-failed', 'servers that speak KServe v2 are not asked by this version'),
    );
  }
}
