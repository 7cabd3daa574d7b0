/** Gives back the place that was taken. Doing it twice changes nothing. */
export type Leave = () => void;

export type FairGate = {
  /** Waits for a place. Those who wait are let in key by key in turn, so that a crowd of one key delays another by one at most. */
  enter(key: string): Promise<Leave>;
  /** How many of a key wait now. */
  waiting(key: string): number;
};

/** A gate with so many places. */
export function createFairGate(places: number): FairGate {
  let free = places;
  // Keys in the order of their turns; a key that had its turn goes to the end.
  const queues = new Map<string, (() => void)[]>();

  function letIn(): void {
    for (const [key, queue] of queues) {
      if (free === 0) return;
      const next = queue.shift();
      queues.delete(key);
      if (queue.length > 0) queues.set(key, queue);
      if (next === undefined) continue;
      free -= 1;
      next();
    }
  }
  function placeTaken(): Leave {
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      free += 1;
      letIn();
    };
  }
  return {
    enter: async (key) => {
      if (free > 0 && queues.size === 0) {
        free -= 1;
        return placeTaken();
      }
      await new Promise<void>((resolve) => {
        const queue = queues.get(key);
        if (queue === undefined) queues.set(key, [resolve]);
        else queue.push(resolve);
        letIn();
      });
      return placeTaken();
    },
    waiting: (key) => queues.get(key)?.length ?? 0,
  };
}
