import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { items, text } from '../../src/dicom/read-values.ts';
import { type PhantomOptions, phantomTruth } from '../../src/imaging/phantom.ts';
import { getJson } from '../support/node-process.ts';
import { aNode, type TestNode } from '../support/test-node.ts';
import { analysesOf, ended, sendPhantom } from './send-phantom.ts';

const OPTIONS: PhantomOptions = { slices: 60, rows: 128, columns: 128, seed: 7 };

const seriesOf = (node: TestNode, modality: string) =>
  getJson<JsonDataset[]>(`${node.http}/dicom-web/series?Modality=${modality}`);

describe('a phantom chest, from C-STORE to the results', () => {
  it('comes back with the volumes it was built with, here and at the peer', async () => {
    const pacs = await aNode({ models: [], aeTitle: 'PACS' });
    const node = await aNode({ peers: [{ name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.dimsePort }] });
    const series = await sendPhantom(node, OPTIONS);
    const { analyses } = await ended(node, series);
    expect(analyses).toMatchObject([
      {
        state: 'delivered',
        reason: expect.stringMatching(/^Found: Right lung \d+ mL, Left lung \d+ mL\. Delivered to pacs\.$/),
      },
    ]);
    expect(Object.values(analyses[0]!.timings).every((time) => /^\d{4}-\d\d-\d\dT.*Z$/.test(time ?? ''))).toBe(true);

    const { volumesMl } = phantomTruth(OPTIONS);
    const [right, left] = analyses[0]!.findings!;
    expect(Math.abs(right!.volumeMl / volumesMl.rightLung - 1)).toBeLessThan(0.03);
    expect(Math.abs(left!.volumeMl / (volumesMl.leftLung + volumesMl.nodule) - 1)).toBeLessThan(0.03);
    expect(right!.centroid[0]).toBeLessThan(left!.centroid[0]!);

    for (const where of [node, pacs]) {
      expect([await seriesOf(where, 'SEG'), await seriesOf(where, 'SR')].map((found) => found.length)).toEqual([1, 1]);
    }
    const [sr] = await seriesOf(pacs, 'SR');
    const [document] = await getJson<JsonDataset[]>(
      `${pacs.http}/dicom-web/studies/${text(sr!, 'StudyInstanceUID')}/series/${text(sr!, 'SeriesInstanceUID')}/metadata`,
    );
    expect(text(document!, 'PatientID')).toBe('VOXGATE-PHANTOM-7');
    expect(items(document!, 'ContentSequence').length).toBeGreaterThan(3);
  });

  it('sent again makes nothing new, and more of it a second revision, before which the first is rejected', async () => {
    const small = { ...OPTIONS, slices: 24 };
    const pacs = await aNode({ models: [], aeTitle: 'PACS' });
    const node = await aNode({
      idleSettleSeconds: 3,
      peers: [{ name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: pacs.dimsePort }],
    });
    const series = await sendPhantom(node, small, (slice) => slice < 20);
    const first = await ended(node, series);
    await sendPhantom(node, small, (slice) => slice < 20);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await analysesOf(node, series)).analyses).toEqual(first.analyses);
    await sendPhantom(node, small);
    const second = await ended(node, series, 2);
    const [whole, part] = second.analyses;
    expect(part).toEqual(first.analyses[0]);
    expect(whole).toMatchObject({
      revision: 2,
      supersedes: expect.any(Number),
      evidence: { confidence: expect.any(String) },
    });
    expect(whole!.results).not.toEqual(part!.results);
    for (const { http } of [node, pacs]) {
      const [note, ...others] = await getJson<JsonDataset[]>(
        `${http}/dicom-web/instances?Modality=KO&includefield=all`,
      );
      expect(others).toEqual([]);
      expect(whole!.results).toContain(text(note!, 'SOPInstanceUID'));
      const [whole_, rejected] = [new Set(whole!.results), items(note!, 'CurrentRequestedProcedureEvidenceSequence')];
      const named = rejected
        .flatMap((study) => items(study, 'ReferencedSeriesSequence'))
        .flatMap((one) => items(one, 'ReferencedSOPSequence'))
        .map((reference) => text(reference, 'ReferencedSOPInstanceUID')!);
      expect(named.sort()).toEqual([...part!.results].sort());
      expect(named.some((sop) => whole_.has(sop))).toBe(false);
    }
  }, 120_000);

  it('with a slice missing is told so, in millimetres, and nothing runs', async () => {
    const node = await aNode();
    const series = await sendPhantom(node, OPTIONS, (slice) => slice !== 30);
    const { analyses } = await ended(node, series);
    expect(analyses).toMatchObject([
      { state: 'skipped', reason: expect.stringMatching(/^Not run: 1 slice is missing: between .* mm/), results: [] },
    ]);
    expect(await seriesOf(node, 'SEG')).toEqual([]);
  });

  it('delivers to the peer when it comes back, with the attempts told meanwhile', async () => {
    const away = await aNode({ models: [], aeTitle: 'PACS' });
    const { dimsePort } = away;
    await away.stop();
    const node = await aNode({ peers: [{ name: 'pacs', aeTitle: 'PACS', host: '127.0.0.1', port: dimsePort }] });
    const series = await sendPhantom(node, { ...OPTIONS, slices: 20 });
    await vi.waitFor(
      async () => expect((await analysesOf(node, series)).outcome).toContain('Delivery to pacs failed at attempt 1'),
      { timeout: 45_000, interval: 100 },
    );
    const back = await aNode({ models: [], aeTitle: 'PACS', dimse: { host: '127.0.0.1', port: dimsePort } });
    onTestFinished(() => back.stop());
    await ended(node, series);
    expect(await seriesOf(back, 'SEG')).toHaveLength(1);
  });
});
