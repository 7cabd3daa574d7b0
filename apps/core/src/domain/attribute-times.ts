import type { Json, JsonObject, UserAttributes } from "./directory.ts";

/** When each attribute was last stated, in milliseconds by the senders' clocks; what was never stated with a time is left out. */
export type AttributeTimes = { readonly [name: string]: number };

/**
 * Those of the stated attributes that are not older than what is held, and when each was stated then. In
 * whatever order statements come, the latest word on each attribute stays; of two of the same moment it is
 * the one that is greater as text, for want of anything better. What has no time counts as it comes.
 * `active` is not judged here.
 */
export function newerAttributes(
  held: UserAttributes,
  times: AttributeTimes,
  stated: JsonObject,
  at: Date | undefined,
): { readonly attributes: JsonObject; readonly times: AttributeTimes } {
  const counting = Object.entries(stated).filter(
    ([name, value]) => name !== "active" && isNewer(held[name], times[name], value, at?.getTime()),
  );
  const atMs = at?.getTime();
  const own = atMs === undefined ? {} : Object.fromEntries(counting.map(([name]) => [name, atMs]));
  return { attributes: Object.fromEntries(counting), times: { ...times, ...own } };
}

function isNewer(held: Json | undefined, heldMs: number | undefined, value: Json, atMs: number | undefined): boolean {
  if (atMs === undefined || heldMs === undefined || atMs > heldMs) return true;
  return atMs === heldMs && JSON.stringify(value) >= JSON.stringify(held ?? null);
}
