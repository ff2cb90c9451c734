import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * pynetdicom as an outside judge: installed beside Python's pydicom, or a folder with the package in it named by
 * VOXGATE_PYNETDICOM (release 2.0 goes with pydicom 2.3).
 */
const folder = process.env['VOXGATE_PYNETDICOM'];

/** What a Python program needs in its environment to import it. */
export const pythonEnvironment: NodeJS.ProcessEnv = folder === undefined ? {} : { PYTHONPATH: folder };

/** A Python that has it. */
export const python = ['/usr/bin/python3', 'python3'].find((program) => imports(program, 'pynetdicom'));

export const hasPynetdicom = python !== undefined;
if (!hasPynetdicom)
  process.stderr.write(
    'pynetdicom absent (VOXGATE_PYNETDICOM may name a folder with it): the tests that need it are left out\n',
  );

/** Its qrscp keeps an index by SQLAlchemy. */
export const hasQrscp = python !== undefined && imports(python, 'sqlalchemy');
if (hasPynetdicom && !hasQrscp) process.stderr.write('sqlalchemy absent: the test of qrscp is skipped\n');

/** Storage commitment, procedure steps and user identity as pynetdicom requests them. */
export const SCU_SCRIPT = join(import.meta.dirname, 'pynetdicom-scu.py');

function imports(program: string, name: string): boolean {
  return spawnSync(program, ['-c', `import ${name}`], { env: { ...process.env, ...pythonEnvironment } }).status === 0;
}
