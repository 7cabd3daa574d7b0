import { beginGroups, beginListing, type HeldPull, keepGroups, keepUsers, movePull } from "@rollcall/core/store";
import { createCount, type Progress } from "../providers/listing.ts";
import { ProviderFailure } from "../providers/provider.ts";
import type { Asker, AskingParts } from "../read-backs/askers.ts";

const idBytesMax = 2_048;
/** Groups may be closed to a credential that may read users. */
const withoutGroups: ReadonlySet<string> = new Set(["forbidden", "malformed"]);

/**
 * Lists everybody into the database, page by page, and answers the listing as one that is to be compared. One that
 * was broken off goes on from its last page where the provider's cursor allows it, and else begins again.
 */
export async function listEverybody(
  parts: AskingParts,
  asker: Asker,
  taken: HeldPull,
  signal: AbortSignal,
): Promise<HeldPull> {
  const { database } = parts;
  const { provider, origin, version } = asker;
  let held = taken;
  const isKnown = held.askedAt !== null && held.providerVersion === version;
  if (!isKnown || held.step === "users") {
    held = await listUsers(parts, asker, isKnown ? held : { ...held, mark: null }, signal);
    // What a provider says of groups is worth nothing where only `active` is taken over.
    const hasGroups = provider.listGroups !== undefined && origin.rules.takes === "all";
    if (!hasGroups) return movePull(database, held, { state: "comparing", step: "users" });
    held = await movePull(database, held, { state: "listing", step: "groups" });
  }
  return listGroups(parts, asker, held, signal);
}

async function listUsers(
  { database }: AskingParts,
  { provider, version, answered }: Asker,
  held: HeldPull,
  signal: AbortSignal,
): Promise<HeldPull> {
  const askedAt = held.mark === null ? await beginListing(database, held, version) : held.askedAt;
  let listed = held.mark === null ? 0 : held.listed;
  const { progress, mark } = progressFrom(held.mark);
  for await (const page of provider.listUsers(signal, progress)) {
    for (const { id } of page) assertStorable(id);
    await keepUsers(database, held, page, mark());
    listed += page.length;
    await answered();
  }
  await answered();
  return { ...held, askedAt, providerVersion: version, listed };
}

async function listGroups(
  { database }: AskingParts,
  { provider }: Asker,
  held: HeldPull,
  signal: AbortSignal,
): Promise<HeldPull> {
  if (held.mark === null) await beginGroups(database, held);
  let listedGroups = held.mark === null ? 0 : held.listedGroups;
  const { progress, mark } = progressFrom(held.mark);
  try {
    for await (const page of provider.listGroups?.(signal, progress) ?? []) {
      for (const { id, members } of page) for (const one of [id, ...members]) assertStorable(one);
      await keepGroups(database, held, page, mark());
      listedGroups += page.length;
    }
  } catch (error) {
    if (!(error instanceof ProviderFailure) || listedGroups > 0 || !withoutGroups.has(error.reason)) throw error;
    const note = `groups were not compared: ${error.message}`.slice(0, 500);
    return movePull(database, held, { state: "comparing", step: "users", note });
  }
  return movePull(database, { ...held, listedGroups }, { state: "comparing", step: "users" });
}

function progressFrom(from: string | null): {
  readonly progress: Progress;
  readonly mark: () => string | undefined;
} {
  let reached: string | undefined;
  return {
    // Who is listed twice is found where everybody is kept: no process has to remember them all.
    progress: { from: from ?? undefined, reached: (mark) => (reached = mark), tally: createCount() },
    mark: () => reached,
  };
}

/** Ids are keys of what is kept; PostgreSQL holds no NUL, no half surrogate pair, and no endless key. */
function assertStorable(id: string): void {
  if (id.includes("\0") || !id.isWellFormed() || Buffer.byteLength(id) > idBytesMax)
    throw new ProviderFailure("malformed", "it lists somebody under an id that cannot be kept");
}
