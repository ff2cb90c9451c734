import { type Command, InvalidArgumentError } from 'commander';
import { VoxgateError } from '../errors.ts';
import { askNode } from './ask-node.ts';

/** What a running node answers; only what is printed. */
interface Overview {
  readonly jobs: readonly {
    readonly job: string;
    readonly waiting: number;
    readonly later: number;
    readonly running: number;
  }[];
  readonly failures: readonly {
    readonly job: string;
    readonly class: string;
    readonly code: string;
    readonly failures: number;
  }[];
}
interface Letters {
  readonly deadLetters: readonly {
    readonly id: number;
    readonly job: string;
    readonly class: string;
    readonly code: string;
    readonly reason: string;
    readonly analysisId: number | null;
    readonly modelId: string | null;
  }[];
}

/** Asks the running node: it knows what runs, and ends what is cancelled at once. */
export function addJobs(program: Command): void {
  const jobs = program.command('jobs').description('jobs of the running node: those under way, and those given up');
  jobs
    .command('list')
    .description('how many wait and run, and every job that was given up, with its reason')
    .option('--json', 'as JSON')
    .action(async ({ json }: { readonly json?: boolean }) => {
      const [overview, letters] = [
        await askNode<Overview>('GET', '/api/jobs'),
        await askNode<Letters>('GET', '/api/dead-letters?limit=500'),
      ];
      if (json) process.stdout.write(`${JSON.stringify({ ...overview, ...letters })}\n`);
      else process.stdout.write(lines(overview, letters).join(''));
    });
  jobs
    .command('replay')
    .description('try again what was given up: one by its number, or all analyses of a model')
    .argument('[id]', 'number of the job, as list shows it', aNumber)
    .option('--model <id>', 'every analysis that failed with this model')
    .action(async (id: number | undefined, { model }: { readonly model?: string }) => {
      if ((id === undefined) === (model === undefined))
        throw new VoxgateError('bad-request', 'say which: a number, or --model with a model id');
      if (model === undefined) {
        await askNode('POST', `/api/dead-letters/${id}/replay`);
        process.stdout.write(`${id} is tried again\n`);
        return;
      }
      const { replayed } = await askNode<{ replayed: number }>(
        'POST',
        `/api/models/${encodeURIComponent(model)}/replay`,
      );
      process.stdout.write(`${replayed} analyses are tried again\n`);
    });
  jobs
    .command('cancel')
    .description('cancel an analysis that waits or runs')
    .argument('<analysis>', 'number of the analysis', aNumber)
    .option('--reason <text>', 'why, for those who look at it later')
    .action(async (id: number, { reason }: { readonly reason?: string }) => {
      await askNode('POST', `/api/analyses/${id}/cancel`, reason === undefined ? {} : { reason });
      process.stdout.write(`analysis ${id} is cancelled\n`);
    });
}

function lines({ jobs, failures }: Overview, { deadLetters }: Letters): string[] {
  return [
    ...jobs.map(
      ({ job, waiting, later, running }) => `${job}\t${waiting} waiting\t${later} later\t${running} running\n`,
    ),
    ...failures.map((one) => `failed: ${one.job}\t${one.class}\t${one.code}\t${one.failures} times\n`),
    ...deadLetters.map(
      ({ id, job, class: kind, code, reason, analysisId, modelId }) =>
        `given up: ${id}\t${job}${analysisId === null ? '' : ` of analysis ${analysisId} (${modelId})`}\t${kind}, ${code}: ${reason}\n`,
    ),
    ...(deadLetters.length === 0 ? ['nothing was given up\n'] : []),
  ];
}

function aNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('a whole number');
  return Number(text);
}
