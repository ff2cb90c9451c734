// npm run demo: sends a synthetic chest CT through the running node by DIMSE and tells what became of it.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { prepare } from './prepare.mjs';

const SLICES = 120;
const WAIT_SECONDS = 180;
const SETTLED = new Set(['skipped', 'delivered', 'failed']);

const aeTitle = process.env.VOXGATE_AE_TITLE || 'VOXGATE';
const http = `http://${reachable(process.env.VOXGATE_HTTP || '127.0.0.1:8080')}`;
const dimse = `dicom://${encodeURIComponent(aeTitle)}@${reachable(process.env.VOXGATE_DIMSE || '127.0.0.1:11112')}`;

prepare();
await askForModels();
const seed = randomInt(1, 2 ** 31);
console.log(`Sending ${SLICES} slices of a synthetic chest CT (seed ${seed}) to ${dimse} …`);
const series = sendPhantom(seed);
const sent = performance.now();
const report = await waitForAnalyses(series);
tell(report, (performance.now() - sent) / 1000);

/** A node that listens everywhere is reached on this machine. */
function reachable(address) {
  return address.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
}

async function askForModels() {
  const library = await get('/api/models').catch(() => undefined);
  if (!library)
    end(`No Voxgate node answers at ${http}. Start one with "npm start", or say where it is: VOXGATE_HTTP=host:port.`);
  if (library.models.length === 0) end('The node answers, but it has no model: nothing would be analysed.');
  console.log(`Models: ${library.models.map(({ id, version }) => `${id} ${version}`).join(', ')}`);
}

function sendPhantom(seed) {
  const args = ['bin/voxgate.mjs', 'phantom', '--send', dimse, '--slices', String(SLICES), '--seed', String(seed)];
  // The sender opens no door: where the node listens must not be checked as if it did.
  const { VOXGATE_HTTP, VOXGATE_DIMSE, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  });
  const uid = /SeriesInstanceUID ([\d.]+)/.exec(stdout)?.[1];
  if (status !== 0 || !uid)
    end(`The phantom could not be sent to ${dimse}; VOXGATE_DIMSE says where the node listens.`);
  console.log(`Sent. Series Instance UID ${uid}`);
  return uid;
}

async function waitForAnalyses(uid) {
  const deadline = performance.now() + WAIT_SECONDS * 1000;
  let told = '';
  for (;;) {
    const report = await get(`/api/series/${uid}/analyses`).catch((error) =>
      end(`The node stopped answering: ${error.message}`),
    );
    if (report.outcome !== told) console.log(`  ${report.outcome}`);
    told = report.outcome;
    if (report.analyses.length > 0 && report.analyses.every(({ state }) => SETTLED.has(state))) return report;
    if (performance.now() > deadline) end(`Not done within ${WAIT_SECONDS} s. See ${http}/api/series/${uid}/analyses`);
    await sleep(1000);
  }
}

function tell({ seriesInstanceUid, analyses }, seconds) {
  for (const { model, version, state, reason, results } of analyses) {
    console.log(`\n${model} ${version}: ${state}. ${reason}`);
    for (const sopInstanceUid of results) console.log(`  result, SOP Instance UID ${sopInstanceUid}`);
  }
  console.log(`
${seconds.toFixed(1)} s from the end of sending to the last result.

Status page      ${http}/
This series      ${http}/api/series/${seriesInstanceUid}/analyses
Viewer           ${http}/viewer/segmentation?StudyInstanceUIDs=${analyses[0].studyInstanceUid}
Study, DICOMweb  ${http}/dicom-web/studies/${analyses[0].studyInstanceUid}/metadata`);
  process.exitCode =
    analyses.some(({ state }) => state === 'delivered') && analyses.every(({ state }) => state !== 'failed') ? 0 : 1;
}

async function get(path) {
  const answer = await fetch(http + path);
  if (!answer.ok) throw new Error(`${http}${path} was answered with HTTP ${answer.status}`);
  return answer.json();
}

function end(sentence) {
  console.error(sentence);
  process.exit(1);
}
