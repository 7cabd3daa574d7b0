import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What typed arrays hold, and nothing else does: the heap is full of what tests leave behind. */
export async function bytesHeld(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What was collected is given back by another thread, when that gets to it.
  let least = Number.POSITIVE_INFINITY;
  for (let sinceLess = 0; sinceLess < 5; sinceLess += 1) {
    collect();
    await setImmediate();
    const { arrayBuffers } = process.memoryUsage();
    if (arrayBuffers < least) [least, sinceLess] = [arrayBuffers, 0];
  }
  return least;
}
