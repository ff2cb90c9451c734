import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { bufferSource, parsePart10 } from '../../src/dicom/parse.ts';
import { text } from '../../src/dicom/read-values.ts';
import { phantomStudy } from '../../src/imaging/phantom-study.ts';
import { aSharedNode } from '../dicomweb/shared-node.ts';
import {
  count,
  hasBrowser,
  openBrowser,
  openPage,
  type Picture,
  pictureOf,
  type WatchedPage,
} from '../support/browser.ts';
import { hasSharedData, sharedData } from '../support/shared-data.ts';

type Pixel = readonly [number, number, number];
const lit = ([r, g, b]: Pixel): boolean => r + g + b > 150;
const reddish = ([r, g, b]: Pixel): boolean => r > g + 30 && r > b + 30;
const bluish = ([r, g, b]: Pixel): boolean => b > r + 30 && g > r;
const green = ([r, g, b]: Pixel): boolean => g > 150 && r < 90 && b < 90;

const ultrasound = sharedData('images', 'us', 'examples_ybr_color.dcm');
/** As voxgate phantom makes it, smaller: a chest CT with two lungs. */
const phantom = [...phantomStudy({ slices: 60, seed: 7 })];

describe.skipIf(!hasBrowser || !hasSharedData)('OHIF on the node, in a browser', () => {
  // Before the node is opened: it looks for the viewer as it starts.
  beforeAll(() => {
    const installed = spawnSync(process.execPath, ['scripts/viewer.mjs'], { encoding: 'utf8' });
    if (installed.status !== 0) throw new Error(installed.stderr);
  });
  const shared = aSharedNode({ models: [resolve('models')], settleSeconds: 0.5 });
  let browser: Browser;
  let open: WatchedPage | undefined;
  const hosts = new Set<string>();
  const faults: string[] = [];

  beforeAll(async () => {
    browser = await openBrowser();
    for (const { bytes } of phantom) await store(bytes);
    await store(readFileSync(ultrasound));
    await vi.waitFor(
      async () => {
        const answer = await fetch(`${shared.http}/dicom-web/studies?ModalitiesInStudy=SR`);
        expect(await answer.json()).toHaveLength(1);
      },
      { timeout: 90_000, interval: 500 },
    );
  });
  afterAll(() => browser?.close());

  async function store(bytes: Buffer): Promise<void> {
    const boundary = 'part';
    const body = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      bytes,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const headers = { 'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}` };
    const answer = await fetch(`${shared.http}/dicom-web/studies`, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
  }

  beforeEach(async () => {
    open = await openPage(browser);
  });
  afterEach(async () => {
    for (const host of open?.hosts ?? []) hosts.add(host);
    faults.push(...(open?.faults ?? []));
    await open?.page.close();
  });

  const go = async (path: string): Promise<Page> => {
    await open!.page.goto(shared.http + path);
    return open!.page;
  };
  const rows = (page: Page): Locator => page.locator('[data-cy^="studyRow-"]');
  const pane = (page: Page, at = 0): Locator => page.locator('[data-cy="viewport-pane"]').nth(at);
  const study = phantom[0]!.studyInstanceUid;

  /** Waits until the picture is as it should be; what it was last stands in the failure. */
  async function shows(element: Locator, check: (picture: Picture) => void): Promise<void> {
    await vi.waitFor(async () => check(await pictureOf(element)), { timeout: 40_000, interval: 700 });
  }

  it('lists the studies and filters them by name', async () => {
    const page = await go('/viewer/');
    await vi.waitFor(async () => expect(await rows(page).count()).toBe(2), { timeout: 30_000 });
    await page.locator('[data-cy="input-patientName"]').fill('phant');
    await vi.waitFor(async () => expect(await rows(page).count()).toBe(1), { timeout: 30_000 });
    expect(await rows(page).innerText()).toContain('CT');
  });

  it('filters them by the modalities that its address names', async () => {
    const page = await go('/viewer/?modalities=US');
    await vi.waitFor(async () => expect(await rows(page).count()).toBe(1), { timeout: 30_000 });
    expect(await rows(page).innerText()).toContain('US');
  });

  it('shows a CT, scrolls through it, and cuts it in three planes', async () => {
    const page = await go(`/viewer/viewer?StudyInstanceUIDs=${study}`);
    await shows(pane(page), (picture) => expect(count(picture, lit)).toBeGreaterThan(50_000));
    await pane(page).hover();
    for (let turn = 0; turn < 30; turn += 1) await page.mouse.wheel(0, 100);
    await vi.waitFor(async () => expect(await pane(page).innerText()).toMatch(/\((2|3)\d\/60\)/), { timeout: 20_000 });

    await go(`/viewer/viewer?StudyInstanceUIDs=${study}&hangingprotocolId=mpr`);
    await vi.waitFor(async () => expect(await page.locator('[data-cy="viewport-pane"]').count()).toBe(3), {
      timeout: 30_000,
    });
    for (const at of [0, 1, 2])
      await shows(pane(page, at), (picture) =>
        expect(count(picture, lit, [0, 0.15, 1, 0.9]), `plane ${at}`).toBeGreaterThan(15_000),
      );
  });

  it('plays a multi-frame ultrasound in JPEG', async () => {
    const file = parsePart10(bufferSource(readFileSync(ultrasound))).dataset;
    const page = await go(`/viewer/viewer?StudyInstanceUIDs=${text(file, 'StudyInstanceUID')}`);
    await shows(pane(page), (picture) => expect(count(picture, lit)).toBeGreaterThan(5000));
    const first = await pictureOf(pane(page));
    await pane(page).hover();
    for (let turn = 0; turn < 12; turn += 1) await page.mouse.wheel(0, 100);
    await vi.waitFor(async () => expect(await pane(page).innerText()).toMatch(/\(1\d\/30\)/), { timeout: 20_000 });
    await shows(pane(page), (picture) => {
      let differing = 0;
      for (let y = 0; y < picture.height; y += 1)
        for (let x = 0; x < picture.width; x += 1)
          if (Math.abs(picture.at(x, y)[0] - first.at(x, y)[0]) > 20) differing += 1;
      expect(differing).toBeGreaterThan(2000);
      expect(count(picture, lit)).toBeGreaterThan(5000);
    });
  });

  it("lays the node's segmentation over the CT, the right lung on the side of the patient's right", async () => {
    const page = await go(`/viewer/segmentation?StudyInstanceUIDs=${study}`);
    await shows(pane(page), (picture) => expect(count(picture, lit)).toBeGreaterThan(50_000));
    await page.locator('[data-series="9101"]').dblclick();
    await page.getByText('Right lung').first().waitFor({ timeout: 40_000 });
    // It opens where the first segment begins; further up there are both.
    await pane(page).hover();
    for (let turn = 0; turn < 12; turn += 1) await page.mouse.wheel(0, 100);
    await shows(pane(page), (picture) => {
      // Axial, seen from the feet: the patient's right is on the left.
      expect(count(picture, reddish, [0.1, 0.25, 0.5, 0.85])).toBeGreaterThan(300);
      expect(count(picture, bluish, [0.5, 0.25, 0.9, 0.85])).toBeGreaterThan(300);
      expect(count(picture, reddish, [0.5, 0.25, 0.9, 0.85])).toBeLessThan(50);
      expect(count(picture, bluish, [0.1, 0.25, 0.5, 0.85])).toBeLessThan(50);
    });
  });

  it("opens the node's report on the slice it measured, with the outline and the numbers", async () => {
    const page = await go(`/viewer/viewer?StudyInstanceUIDs=${study}`);
    await shows(pane(page), (picture) => expect(count(picture, lit)).toBeGreaterThan(50_000));
    await page.locator('[data-series="9102"]').dblclick();
    await page.getByText('Volume:').first().waitFor({ timeout: 40_000 });
    await shows(pane(page), (picture) => expect(count(picture, green)).toBeGreaterThan(300));
  });

  it('takes a file that is dropped on its list', async () => {
    const page = await go('/viewer/');
    await page.getByText('Upload').first().click();
    const target = page.getByText('or drag images or folders here');
    await target.waitFor();
    const file = sharedData('images', 'us', 'examples_palette.dcm');
    const content = JSON.stringify([basename(file), readFileSync(file).toString('base64')]);
    const data = await page.evaluateHandle(`(() => {
      const [name, base64] = ${content};
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type: 'application/dicom' }));
      return transfer;
    })()`);
    await target.dispatchEvent('drop', { dataTransfer: data });
    await vi.waitFor(
      async () => {
        const answer = await fetch(`${shared.http}/dicom-web/studies?ModalitiesInStudy=US`);
        expect(await answer.json()).toHaveLength(2);
      },
      { timeout: 30_000, interval: 300 },
    );
  });

  it('asked nobody but the node, and had no error', () => {
    expect([...hosts]).toEqual([new URL(shared.http).host]);
    // OHIF's own: a library of its mode for segmentations, built for Node.js, does without what it does not find.
    const ours = faults.filter((fault) => !fault.startsWith('console: ReferenceError: __filename is not defined'));
    expect(ours).toEqual([]);
  });
});
