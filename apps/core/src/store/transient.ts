// Classes of SQLSTATE (PostgreSQL Appendix A) that say nothing about the data: connection lost,
// resources short, operator intervened, system error, serialization or deadlock, timeouts.
const transientClasses = new Set(["08", "53", "57", "58", "40", "55"]);
// A transaction that stood still for too long, as that of a process that was stopped in the middle of it.
const idleInTransaction = "25P03";
// Every SQLSTATE has a digit; without asking for one, EPIPE would pass for a state of no known class.
const sqlState = /^(?=.*\d)[0-9A-Z]{5}$/;
// ECONNREFUSED, ECONNRESET, EPIPE, ERR_STREAM_DESTROYED, …
const systemError = /^(?:E[A-Z]{4,}|ERR_(?:STREAM|SOCKET)_[A-Z_]+)$/;

/** Whether a failure is the surroundings' fault, so that trying again later may help and blaming an event would be wrong. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code === "string")
    return sqlState.test(code)
      ? code === idleInTransaction || transientClasses.has(code.slice(0, 2))
      : systemError.test(code);
  return /connection|timeout|terminated|not queryable|pool/i.test(error.message) && error.name === "Error";
}
