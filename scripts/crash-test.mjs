// npm run test:crash: a real node under four senders, killed (kill -9) at random moments and started again.
//   -- --kills 200 --seconds 1200 --seed 7
//   -- --analyses --kills 200 --studies 50: studies are analysed and delivered meanwhile, and any process is killed
// Ends with 1 if an acknowledged object is lost or changed, a row has no bytes, or the sweep leaves an orphan.
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CrashNode } from './crash/node.mjs';
import { ObjectSource, seeded } from './crash/objects.mjs';
import { Traffic } from './crash/senders.mjs';
import { sweep, verify } from './crash/sweep.mjs';
import { compareStore, miscounted, retrieveAll, stagedFiles } from './crash/verify.mjs';
import { prepare } from './prepare.mjs';

const { values } = parseArgs({
  options: {
    kills: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    analyses: { type: 'boolean' },
    studies: { type: 'string' },
  },
});
const KILLS = Number(values.kills ?? 20);
const SECONDS = Number(values.seconds ?? 1200);
const STUDIES = Number(values.studies ?? 10);
const seed = Number(values.seed ?? randomInt(1, 2 ** 31));
if (![KILLS, SECONDS, STUDIES, seed].every(Number.isFinite)) {
  console.error('npm run test:crash -- [--kills 20] [--seconds 1200] [--seed N] [--analyses [--studies 10]]');
  process.exit(1);
}

/** How many that were verified before are looked at again after each restart; at the end all are. */
const SAMPLE = 40;
const LONGEST_RUN_MS = 1200;
/** Shares of the kills that come while the node is starting, and of those that PostgreSQL dies of, too. */
const WHILE_STARTING = 0.1;
const WITH_DATABASE = 0.3;

if (process.env.VOXGATE_TEST_NO_BUILD !== '1') prepare();
if (values.analyses) {
  const { crashAnalyses } = await import('./crash/analyses.mjs');
  process.exit(await crashAnalyses({ kills: KILLS, studies: STUDIES, seconds: SECONDS, seed }));
}
const random = seeded(seed);
const node = await CrashNode.make();
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    node.remove();
    process.exit(1);
  });

const faults = [];
let [kills, verified] = [0, 0];
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
const traffic = new Traffic(node, new ObjectSource(seeded(seed + 1)), seeded(seed + 2));
try {
  node.launch();
  await node.ready();
  while (kills < KILLS && performance.now() - started < SECONDS * 1000 && faults.length === 0) {
    traffic.go();
    await traffic.flowing(4, 10_000);
    await sleep(random() * LONGEST_RUN_MS);
    await kill();
    await traffic.pause();
    node.launch();
    if (random() < WHILE_STARTING && kills < KILLS) {
      await sleep(random() * 1500);
      await kill();
      node.launch();
    }
    await node.ready();
    await judge(withSample(traffic.takeFresh()));
  }
  const [sweptOrphans, exitCode] = await finish();
  if (exitCode !== 0) faults.push(`the node ended with ${exitCode} when asked to stop`);
  if (sweptOrphans > 0) faults.push(`${sweptOrphans} orphans are left after the sweep`);
} catch (error) {
  faults.push(error.stack);
} finally {
  node.remove();
}
faults.push(...traffic.unexpected.map((answer) => `a sender got ${answer}`));
for (const fault of faults.slice(0, 20)) console.error(`FAULT ${fault}`);
process.exit(faults.length > 0 ? 1 : 0);

async function kill() {
  await node.kill({ database: random() < WITH_DATABASE, databaseFirst: random() < 0.5 });
  kills += 1;
  if (kills % 10 === 0) console.log(line());
}

function line() {
  return `${seconds()} s: ${kills} kills, ${traffic.acknowledged.size} acknowledged, ${traffic.inDoubt} in doubt and sent again, ${verified} verified, ${faults.length} faults`;
}

function withSample(fresh) {
  const all = [...traffic.acknowledged.values()];
  return [
    ...fresh,
    ...Array.from({ length: Math.min(SAMPLE, all.length) }, () => all[Math.floor(random() * all.length)]),
  ];
}

async function judge(objects) {
  faults.push(...(await retrieveAll(node.root, objects)));
  verified += objects.length;
  const staged = stagedFiles(node.data);
  if (staged.length > 0) faults.push(`${staged.length} staged files outlived the restart`);
  const { faults: wrong } = await compareStore(node, traffic.sent);
  faults.push(...wrong);
}

/** @returns {Promise<[number, number | null]>} orphans left by the sweep, exit code of the node */
async function finish() {
  await traffic.end();
  const all = [...traffic.acknowledged.values()];
  const lost = await retrieveAll(node.root, all);
  const { rows, faults: wrong, orphans } = await compareStore(node, traffic.sent);
  const swept = await sweep(node);
  const { orphans: left } = await compareStore(node, traffic.sent);
  faults.push(...lost, ...wrong, ...(await miscounted(node.databaseUrl)), ...[verify(node)].filter(Boolean));
  console.log(line());
  console.log(
    `kills ${kills}, acknowledged ${all.length}, verified at the end ${all.length}, lost ${lost.length}, rows ${rows}, orphans ${orphans.length}, swept ${swept}, left ${left.length}, seed ${seed}`,
  );
  return [left.length, await node.stop()];
}
