import type { Rates, RequestKind } from "@rollcall/core/domain";
import type { RateLimiter } from "@rollcall/core/queue";
import { createFairGate, type Leave } from "./fair-gate.ts";
import { RateLimited } from "./rate-limited.ts";
import type { Caller } from "./scim-door.ts";

export type AdmissionOptions = {
  readonly rateLimiter: RateLimiter;
  /** What every connection may ask for that has no rates of its own. */
  readonly rates: Rates;
  /** How many ordinary requests may work with the database at once; more connections are for denials. */
  readonly places: number;
};

/** Who asks: a connection, or a person of it. */
export type Admitted = Pick<Caller, "connectionId" | "connection" | "userId">;

export type Admission = {
  /** Takes so many requests of a kind from the caller's budget. Throws `rate_limited`, and then takes nothing. */
  take(caller: Admitted, kind: RequestKind, count: number): Promise<void>;
  /** Waits for the caller's turn among all callers of this process. Throws `rate_limited` where too many of its requests wait already. */
  turn(caller: Admitted, kind: RequestKind, isInner: boolean): Promise<Leave>;
};

// A person speaks for nobody else, and must not use up what their provider needs.
const ratesOfPerson: Rates = { reads: 10, writes: 10, denials: 10 };
const waitingMax = 1_000;
const busySec = 1;
const names: { readonly [kind in RequestKind]: string } = {
  reads: "reads",
  writes: "changes",
  denials: "changes that take access away",
};

/** How many places a pool of so many connections has: a quarter of it is kept for denials. */
export function placesIn(poolMax: number): number {
  return Math.max(1, Math.floor((poolMax * 3) / 4));
}

/** Who may be served now, and whose turn it is. */
export function createAdmission({ rateLimiter, rates, places }: AdmissionOptions): Admission {
  const gate = createFairGate(places);
  return {
    take: async (caller, kind, count) => {
      if (count === 0) return;
      const own = caller.userId === undefined ? caller.connection.rates[kind] : ratesOfPerson[kind];
      const perSec = own ?? rates[kind];
      const retryAfterSec = await rateLimiter.take(`${kind}:${laneOf(caller)}`, perSec, count);
      if (retryAfterSec !== undefined) throw new RateLimited(names[kind], retryAfterSec);
    },
    turn: async (caller, kind, isInner) => {
      // A denial never waits for anything but a connection to the database, of which some are kept for it.
      if (kind === "denials") return () => undefined;
      const lane = laneOf(caller);
      // What is part of a Bulk was let in with it.
      if (!isInner && gate.waiting(lane) >= waitingMax) throw new RateLimited(names[kind], busySec);
      return gate.enter(lane);
    },
  };
}

function laneOf({ connectionId, userId }: Admitted): string {
  return userId === undefined ? connectionId : `${connectionId}:${userId}`;
}
