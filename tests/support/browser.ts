import { existsSync } from 'node:fs';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import sharp from 'sharp';

const CHROMIUM = process.env['VOXGATE_CHROMIUM'] ?? '/usr/bin/chromium';

export const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser) process.stderr.write(`${CHROMIUM} absent: the tests that need a browser are skipped\n`);

/** Without a graphics card WebGL is done in software; nothing of the browser's own goes out. */
const ARGUMENTS = [
  '--no-sandbox',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

/** A page, and what it has asked for and complained of. */
export interface WatchedPage {
  readonly page: Page;
  /** Hosts that it asked anything of. */
  readonly hosts: Set<string>;
  /** Errors on its console, exceptions, and answers of 400 and more. */
  readonly faults: string[];
}

export async function openPage(browser: Browser): Promise<WatchedPage> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const hosts = new Set<string>();
  const faults: string[] = [];
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url())) hosts.add(new URL(request.url()).host);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`HTTP ${response.status()} ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText;
    // What a page that is left had still asked for is given up.
    if (reason !== 'net::ERR_ABORTED') faults.push(`${reason} ${request.url()}`);
  });
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  return { page, hosts, faults };
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of a pixel, 0 to 255. */
  at(x: number, y: number): readonly [number, number, number];
}

/** What is seen of an element. */
export async function pictureOf(element: Locator): Promise<Picture> {
  const { data, info } = await sharp(await element.screenshot())
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return {
    width,
    height,
    at(x, y) {
      const start = (y * width + x) * 3;
      return [data[start]!, data[start + 1]!, data[start + 2]!];
    },
  };
}

/** How many pixels of a part of the picture are so; the part in fractions of its width and height. */
export function count(
  picture: Picture,
  is: (pixel: readonly [number, number, number]) => boolean,
  [left, top, right, bottom]: readonly [number, number, number, number] = [0, 0, 1, 1],
): number {
  let found = 0;
  for (let y = Math.floor(top * picture.height); y < Math.floor(bottom * picture.height); y += 1)
    for (let x = Math.floor(left * picture.width); x < Math.floor(right * picture.width); x += 1)
      if (is(picture.at(x, y))) found += 1;
  return found;
}
