import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { askNode } from './ask-node.ts';

/** What a running node answers; only what is printed. */
interface Explanation {
  readonly series: readonly {
    readonly seriesInstanceUid: string;
    readonly seriesNumber: number | null;
    readonly images: number;
    readonly facts: Readonly<Record<string, string | number | boolean>>;
    readonly plans: readonly {
      readonly model: string;
      readonly decision: string;
      readonly reason: string;
      readonly considered: readonly {
        readonly route: string | null;
        readonly mode: string;
        readonly decision: string;
        readonly reason: string;
        readonly slots: readonly {
          readonly slot: string;
          readonly because: string;
          readonly series: readonly { readonly series: string; readonly fits: boolean; readonly because: string }[];
        }[];
      }[];
    }[];
  }[];
}

interface DryRun {
  readonly studies: number;
  readonly series: number;
  readonly wouldRun: number;
  readonly runNow: number;
  readonly routes: readonly { readonly route: string; readonly runs: number }[];
  readonly changes: readonly {
    readonly studyInstanceUid: string;
    readonly seriesInstanceUid: string;
    readonly model: string;
    readonly before: string;
    readonly after: string;
    readonly reason: string;
  }[];
  readonly moreChanges: number;
}

/** Asks the running node: it has the studies, the routes and the models. */
export function addRoutes(program: Command): void {
  const routes = program.command('routes').description('which series go to which models, and why not');
  routes
    .command('explain')
    .description('why every route and model does and does not take each series of a study')
    .argument('<StudyInstanceUID>')
    .option('--json', 'as JSON, with what each route said of each slot')
    .action(async (study: string, { json }: { readonly json?: boolean }) => {
      const explanation = await askNode<Explanation>('GET', `/api/studies/${encodeURIComponent(study)}/routes`);
      process.stdout.write(json ? `${JSON.stringify(explanation)}\n` : explained(explanation).join(''));
    });
  routes
    .command('test')
    .description('what other routes would change for the newest studies, before they go live; nothing is run')
    .argument('<file>', 'JSON with "routes", or a list of them')
    .option('--last <n>', 'so many studies, 20 unless said otherwise', aCount)
    .option('--json', 'as JSON')
    .action(async (file: string, { last, json }: { readonly last?: number; readonly json?: boolean }) => {
      const body = { routes: routesIn(file), ...(last === undefined ? {} : { studies: last }) };
      const result = await askNode<DryRun>('POST', '/api/routes/dry-run', body);
      process.stdout.write(json ? `${JSON.stringify(result)}\n` : tested(result).join(''));
    });
}

function routesIn(file: string): unknown {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof content === 'object' && content !== null && 'routes' in content ? content.routes : content;
  } catch (cause) {
    throw new VoxgateError('bad-setting', `${file} cannot be read: ${sentenceOf(cause)}`, { cause });
  }
}

function explained({ series }: Explanation): string[] {
  return series.flatMap(({ seriesInstanceUid, seriesNumber, images, facts, plans }) => [
    `series ${seriesNumber ?? 'without a number'}, ${images} images (${seriesInstanceUid})\n`,
    `  ${Object.entries(facts)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}\n`,
    ...(plans.length === 0 ? ['  no route names a model that is here\n'] : []),
    ...plans.flatMap((plan) => [
      `  ${plan.model}: ${plan.decision === 'run' ? 'Runs: the series is all that it asks for.' : plan.reason}\n`,
      ...plan.considered.flatMap(({ route, decision, reason, slots }) => [
        ...(plan.considered.length > 1 ? [`    ${route ?? 'every model'}: ${decision}. ${reason}\n`] : []),
        ...slots
          .slice(1)
          .flatMap((slot) => slot.series.map((one) => `    ${slot.slot}, ${one.series}: ${one.because}\n`)),
      ]),
    ]),
  ]);
}

function tested({ studies, series, wouldRun, runNow, routes, changes, moreChanges }: DryRun): string[] {
  return [
    `${studies} studies, ${series} series: ${wouldRun} analyses would run, ${runNow} run now\n`,
    ...routes.map(({ route, runs }) => `route ${route}: takes ${runs} series\n`),
    ...changes.map(
      ({ studyInstanceUid, seriesInstanceUid, model, before, after, reason }) =>
        `${before} -> ${after}\t${model}\t${reason}\tseries ${seriesInstanceUid} of study ${studyInstanceUid}\n`,
    ),
    ...(moreChanges > 0 ? [`and ${moreChanges} changes more\n`] : []),
  ];
}

function aCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 200) throw new InvalidArgumentError('a number from 1 to 200');
  return count;
}
