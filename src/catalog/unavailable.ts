/** SQLSTATE classes in which trying again may help: connection, resources, operator intervention (PostgreSQL Appendix A). */
const PASSING_CLASSES = new Set(['08', '53', '57']);
const PASSING_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN']);

/** Whether the database was away, full or shutting down: not the statement's fault, and a later try may succeed. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  if (PASSING_CODES.has(code) || (code.length === 5 && PASSING_CLASSES.has(code.slice(0, 2)))) return true;
  return error.name === 'KnexTimeoutError' || /^Connection (terminated|ended)/.test(error.message);
}
