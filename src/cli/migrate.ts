import { mkdir } from 'node:fs/promises';
import type { Command } from 'commander';
import { migrate, migrateDown, openDatabase, requireAnswer } from '../catalog/database.ts';
import { startEmbeddedPostgres } from '../catalog/embedded-postgres.ts';
import { loadSettings } from '../config.ts';
import { migrateQueue } from '../jobs/queue.ts';
import { lockFolder } from '../storage/folder-lock.ts';

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the database schema up to date (serve does it too)')
    .option('--down', 'undo the newest migration')
    .action(async ({ down }: { down?: boolean }) => {
      const settings = loadSettings();
      await mkdir(settings.data, { recursive: true });
      const unlock = settings.databaseUrl === undefined ? lockFolder(settings.data) : () => undefined;
      const embedded = settings.databaseUrl === undefined ? await startEmbeddedPostgres(settings.data) : undefined;
      const connectionString = embedded?.connectionString ?? settings.databaseUrl ?? '';
      const database = openDatabase(connectionString);
      try {
        await requireAnswer(database);
        const names = down ? await migrateDown(database) : await migrate(database);
        if (!down) await migrateQueue(connectionString);
        const done = down ? 'undone' : 'applied';
        process.stdout.write(
          names.length === 0 ? 'nothing to do\n' : names.map((name) => `${done} ${name}\n`).join(''),
        );
      } finally {
        await database.destroy();
        await embedded?.stop();
        unlock();
      }
    });
}
