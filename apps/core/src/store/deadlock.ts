const deadlockDetected = "40P01";
const attemptsMax = 3;

/**
 * Runs a transaction again that PostgreSQL ended because it and another waited for each other. Locks
 * are taken in one order wherever that can be known; what is left is rare, and nobody's fault. Nothing
 * of the ended transaction stays, so the work must be one that may begin anew.
 */
export async function unlessDeadlocked<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (code !== deadlockDetected || attempt === attemptsMax) throw error;
    }
  }
}
