import type { EntryFollower, HeldFeed, RevocationEntry } from "@rollcall/guard/entries";
import { archive } from "./bundle-archive.ts";
import { cutRows } from "./cut-row.ts";

export type Bundle = { readonly tag: string; readonly body: Buffer };
export type BundleName = "revocations" | "state";

export type OpaBundles = {
  /** Looks whether there is news, and makes the bundles that it takes. */
  refresh(): Promise<void>;
  /** Undefined while the feed has told nothing yet. */
  bundle(name: BundleName): Bundle | undefined;
  /** OPA says which revocations it decides by: it names a bundle only once it has taken it into use. */
  confirm(tag: string): void;
  /** Entries came: of a snapshot, or one after the other. */
  changed(): void;
};

export type OpaBundlesOptions = {
  readonly follower: Pick<EntryFollower, "status" | "freshForSec" | "entries" | "enforced">;
  readonly now: () => number;
};

type Made = { readonly bundle: Bundle; readonly status: HeldFeed; readonly nextEndSec: number };

/** OPA takes a bundle into use by stopping decisions for a moment, so it is not given one for every second that passes. */
const renewSec = 5;

/**
 * Two bundles for one OPA: the revocations, made anew when they change, and the state, which says of what
 * point of the feed it speaks and until when that may be believed. The state follows only what OPA has taken
 * into use, so a policy that compares the two never believes revocations that are not there.
 */
export function createOpaBundles({ follower, now }: OpaBundlesOptions): OpaBundles {
  let made: Made | undefined;
  let state: Bundle | undefined;
  let stateUntilSec = 0;
  let confirmed: string | undefined;
  let isDirty = true;
  let count = 0;

  async function make(status: HeldFeed, nowSec: number): Promise<void> {
    isDirty = false;
    count += 1;
    const { epoch, seq } = status;
    const revision = `${epoch}-${seq}-${count}`;
    const notBefore = Object.fromEntries(rowsOf(follower.entries(), nowSec));
    const nextEndSec = nextEnd(follower.entries(), nowSec);
    const body = await bundleOf("revocations", revision, { epoch, seq, not_before: notBefore });
    made = { bundle: { tag: revision, body }, status, nextEndSec };
  }
  async function tellState({ epoch, seq, asOf }: HeldFeed, untilSec: number): Promise<void> {
    const revision = `${epoch}-${seq}-${untilSec}`;
    state = {
      tag: revision,
      body: await bundleOf("state", revision, { epoch, seq, as_of: asOf, until: untilSec }),
    };
    stateUntilSec = untilSec;
  }

  return {
    refresh: async () => {
      const [nowSec, status, freshForSec] = [now() / 1_000, follower.status(), follower.freshForSec()];
      if (status === undefined || freshForSec === undefined) return;
      state ??= { tag: "none", body: await bundleOf("state", "none", { epoch: 0, seq: 0, as_of: 0, until: 0 }) };
      if (isDirty || made === undefined || made.nextEndSec <= nowSec) await make(status, nowSec);
      // Until OPA has the present revocations, what it was told of earlier ones ends when it was to end.
      if (made === undefined || confirmed !== made.bundle.tag || isDirty) return;
      const untilSec = Math.floor(nowSec + freshForSec);
      const isMoved = !state.tag.startsWith(`${status.epoch}-${status.seq}-`);
      if (isMoved || untilSec >= stateUntilSec + renewSec) await tellState(status, untilSec);
      follower.enforced(status);
    },
    bundle: (name) => (name === "state" ? state : made?.bundle),
    confirm: (tag) => void (confirmed = tag),
    changed: () => void (isDirty = true),
  };
}

function* rowsOf(entries: Iterable<RevocationEntry>, nowSec: number): Generator<[string, number]> {
  for (const { key, notBefore } of cutRows(entries, nowSec)) yield [key, notBefore];
}

function nextEnd(entries: Iterable<RevocationEntry>, nowSec: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { op, exp } of entries) if (op === "deny" && exp !== undefined && exp > nowSec) next = Math.min(next, exp);
  return next;
}

function bundleOf(name: BundleName, revision: string, data: object): Promise<Buffer> {
  return archive([
    { name: ".manifest", text: JSON.stringify({ revision, roots: [`rollcall/${name}`] }) },
    { name: `rollcall/${name}/data.json`, text: JSON.stringify(data) },
  ]);
}
