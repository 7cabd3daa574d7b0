import { membershipKinds, takesAccess } from "../domain/index.ts";
import { convergeGroups, convergeMemberships } from "./converge-groups.ts";
import { convergeStrangers } from "./converge-strangers.ts";
import { convergeUsers, type Subject } from "./converge-users.ts";
import type { Transaction } from "./database.ts";
import { type Expansion, expandGroups } from "./group-expansion.ts";
import type { WaitingEvent } from "./inbox.ts";
import { sql } from "./sql.ts";

/**
 * Converges every subject that the events name, in the caller's transaction: duplicates, reordering
 * and repetition all end in the directory's present state. Answers which events are not done yet: what
 * happens to a group is passed on to its members piece by piece.
 */
export async function converge(
  transaction: Transaction,
  tenantId: string,
  events: readonly WaitingEvent[],
): Promise<Expansion> {
  const [, expansion] = await Promise.all([
    // What a power cut takes from here is converged again, for its events are then unapplied again, and
    // what was published rests on it in the same log. Only acknowledging and publishing wait for the disk.
    transaction.query(sql`SET LOCAL synchronous_commit = off`),
    convergeSubjects(transaction, tenantId, events),
  ]);
  return expansion;
}

async function convergeSubjects(
  transaction: Transaction,
  tenantId: string,
  events: readonly WaitingEvent[],
): Promise<Expansion> {
  const users = events.filter((event) => event.subjectKind === "user");
  const groups = events.filter((event) => event.subjectKind === "group");

  // Before the others, who may have been kept from a subject by one of them.
  const strangers = await takeStrangers(transaction, tenantId, users);
  const known = users.filter(({ subjectId }) => !strangers.has(subjectId));
  if (known.length > 0) await convergeUsers(transaction, tenantId, subjectsOf(known));
  const regrouped = new Set(users.filter((event) => membershipKinds.has(event.kind)).map((event) => event.subjectId));
  if (regrouped.size > 0) await convergeMemberships(transaction, tenantId, [...regrouped]);
  if (groups.length === 0) return { unfinished: [], lanes: [] };
  await convergeGroups(transaction, tenantId, [...new Set(groups.map((event) => event.subjectId))]);
  return expandGroups(transaction, tenantId, groups);
}

/** Only a resync names subjects that the directory has never had. */
async function takeStrangers(
  transaction: Transaction,
  tenantId: string,
  users: readonly WaitingEvent[],
): Promise<ReadonlySet<string>> {
  const resynced = users.filter(({ kind }) => kind === "user.resync");
  if (resynced.length === 0) return new Set();
  const at = new Date(Math.max(...resynced.map(({ acceptedAt }) => acceptedAt.getTime())));
  return convergeStrangers(transaction, tenantId, [...new Set(resynced.map(({ subjectId }) => subjectId))], at);
}

function subjectsOf(events: readonly WaitingEvent[]): readonly Subject[] {
  return [...Map.groupBy(events, (event) => event.subjectId)].map(([id, own]) => {
    // The denial's own event carries the times that the feed reports; without one, the oldest does.
    const telling = own.find((event) => event.denying) ?? own[0];
    if (telling === undefined) throw new Error("a group of events cannot be empty");
    const killsMs = own.filter((event) => takesAccess(event.kind)).map(happenedMs);
    return {
      id,
      atMs: happenedMs(telling),
      killedAtMs: killsMs.length === 0 ? undefined : Math.max(...killsMs),
      acceptedAt: telling.acceptedAt,
      eventId: telling.id,
      // A denial is never too late: what it killed stays dead, though the user may be back by now.
      forced: killsMs.length > 0 || own.some((event) => event.kind === "user.resync"),
    };
  });
}

/** The sender's clock, unless it is ahead of ours: a denial dated in 2099 would refuse every token until then. */
function happenedMs(event: WaitingEvent): number {
  return Math.min(event.occurredAt?.getTime() ?? Number.POSITIVE_INFINITY, event.acceptedAt.getTime());
}
