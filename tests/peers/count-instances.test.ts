import { describe, expect, it } from 'vitest';
import { askSource } from '../../src/pipeline/ask-source.ts';
import { asFile } from '../support/instances.ts';
import { aNode } from '../support/test-node.ts';

describe('the sender of a series', () => {
  it('is asked how many instances it has where its setting allows that, and says so', async () => {
    const sender = await aNode({ models: [], aeTitle: 'CT' });
    const body = [1, 2, 3].map((number) => asFile({ SOPInstanceUID: `1.2.3.4.1.1.${number}` }));
    for (const file of body) {
      const stored = await fetch(`${sender.http}/dicom-web/studies`, {
        method: 'POST',
        headers: { 'content-type': 'application/dicom', accept: 'application/dicom+json' },
        body: new Uint8Array(file),
      });
      expect(stored.status).toBe(200);
    }
    const peer = { name: 'ct', aeTitle: 'CT', host: '127.0.0.1', port: sender.dimsePort };
    const place = { studyInstanceUid: '1.2.3.4.1', seriesInstanceUid: '1.2.3.4.1.1' };
    expect(askSource([peer], 'VOXGATE')).toBeUndefined();
    const ask = askSource([{ ...peer, instanceCounts: true }], 'VOXGATE');
    expect(await ask?.('CT@127.0.0.1', place)).toBe(3);
    expect(await ask?.('MR@127.0.0.1', place)).toBeUndefined();
    expect(await ask?.('CT@127.0.0.1', { ...place, seriesInstanceUid: '1.2.3.4.1.9' })).toBeUndefined();
    const away = askSource([{ ...peer, port: 1, instanceCounts: true }], 'VOXGATE');
    expect(await away?.('CT@127.0.0.1', place)).toBeUndefined();
  });
});
