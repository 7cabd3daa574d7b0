import { setTimeout as delay } from "node:timers/promises";
import { type Bearer, type Database, type Provisioned, resolveInHouse, resolveSubject } from "@rollcall/core/store";
import type { ResolveRequest } from "@rollcall/guard";
import type { Provisioner } from "./provisioner.ts";

export type Resolving = {
  /** Answers a gateway about one subject. `signal` ends when nobody waits for the answer any more. */
  resolve(
    bearer: Pick<Bearer, "tenantId" | "credentialId">,
    request: ResolveRequest,
    signal: AbortSignal,
  ): Promise<Provisioned>;
};

/** No answer waits longer, whatever deadline it was given. */
const waitMsMax = 1_000;
/** Whoever finds so many waiting is answered at once. */
const waitingMax = 64;
const pauseFirstMs = 20;
const pauseMsMax = 250;

/**
 * Whom a subject names: by the directory, which knows what was accepted a moment ago; else by making
 * the user from the token; else, for as long as the deadline and a limit of ours let it, by what is
 * on its way. Nothing that was answered is remembered: each answer is read when it is asked for.
 */
export function createResolving(database: Database, provisioner: Provisioner, now: () => number): Resolving {
  let waiting = 0;

  const ask = ({ tenantId }: Pick<Bearer, "tenantId">, { iss, sub }: ResolveRequest): Promise<Provisioned> =>
    tenantId === undefined ? resolveInHouse(database, iss, sub) : resolveSubject(database, tenantId, iss, sub);

  async function awaitChange(
    first: Provisioned,
    untilMs: number,
    again: () => Promise<Provisioned>,
    signal: AbortSignal,
  ): Promise<Provisioned> {
    for (let pauseMs = pauseFirstMs; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      const leftMs = untilMs - now();
      if (leftMs <= 0) return first;
      // Nobody is there to be answered: the pause ends, and with it the waiting.
      await delay(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return first;
      const present = await again();
      if (!isPassing(present)) return present;
    }
  }

  return {
    resolve: async (bearer, request, signal) => {
      const untilMs = now() + Math.min(request.deadline_ms ?? 0, waitMsMax);
      const known = await ask(bearer, request);
      if (!isPassing(known)) return known;
      const made = isUnknown(known) ? await provisioner.provision(bearer, request) : known;
      const isSettled = made !== known && made.status !== "unknown";
      if (isSettled || (made.status === "unknown" && made.reason === "token_needed")) return made;
      // Where nobody is made of anybody's token, the subject's own reason says more.
      const answer = made.status === "unknown" && made.reason === "just_in_time_off" ? known : made;
      if (waiting >= waitingMax) return answer;
      waiting += 1;
      try {
        return await awaitChange(answer, untilMs, () => ask(bearer, request), signal);
      } finally {
        waiting -= 1;
      }
    },
  };
}

/** Whether something that is on its way could make it another answer within moments. */
function isPassing(answer: Provisioned): boolean {
  return isUnknown(answer) || (answer.status === "denied" && answer.reason === "subject_recycled");
}

function isUnknown(answer: Provisioned): boolean {
  return answer.status === "unknown" && answer.reason === "never_provisioned";
}
