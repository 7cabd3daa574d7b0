import {
  checkAgreement,
  checkPageHead,
  checkSnapshotHead,
  type FeedContent,
  letOthersRun,
  malformed,
  parseLine,
  type ReadSnapshot,
  type SnapshotHead,
} from "./feed-content.ts";
import type { RevocationEntry, RevocationsOptions } from "./revocations.ts";
import type { Holding } from "./feed-content.ts";
import { hashedNaming, isHashed, plainNaming, type SubjectNaming } from "./subject-naming.ts";
import type { ChangesPage, CheckpointClaims, HashedBy, SnapshotHeader, WireEntry } from "./wire.ts";

const newline = 0x0a;
const linesPerTurn = 500;
const scopes: readonly unknown[] = [undefined, "sub", "sid", "jti", "tenant", "iss"];
const tenantScopes: readonly unknown[] = [undefined, "sub", "sid", "jti"];
const operations: readonly unknown[] = ["deny", "nbf", "allow"];

/** What keeps the entries of a feed, in whatever form its owner decides by. */
export type EntryHolding = Holding & {
  readonly apply: (entry: RevocationEntry) => void;
  readonly naming: SubjectNaming;
};

/** The revocation feed: who is denied, and whose older tokens are dead. `create` makes what keeps them. */
export function revocationContent<H extends EntryHolding>(
  subjectKey: Buffer | undefined,
  create: (options: RevocationsOptions) => H,
): FeedContent<H, RevocationEntry> {
  const hashed = subjectKey === undefined ? plainNaming : hashedNaming(subjectKey);
  const namingOf = (head: Partial<HashedBy>): SubjectNaming => (isHashed(head, subjectKey) ? hashed : plainNaming);
  return {
    readSnapshot: (body, checkpoint) =>
      readSnapshot(body, checkpoint, (head, expected) => create({ naming: namingOf(head), expected })),
    readPage: (body, checkpoint, held) => {
      const page = parseLine(body.toString("utf8"));
      const head = checkPageHead(page, checkpoint);
      if (namingOf(head) !== held.naming) return undefined;
      return { head, entries: readEntries(page as ChangesPage) };
    },
    apply: (held, entry) => held.apply(entry),
  };
}

/** A line too few or too many, or another digest, and it is refused whole. */
async function readSnapshot<H extends EntryHolding>(
  body: Buffer,
  checkpoint: CheckpointClaims,
  begin: (head: Partial<HashedBy>, expected: number) => H,
): Promise<ReadSnapshot<H>> {
  const { head, issuers, end } = readHeader(body, checkpoint);
  const held = begin(head, expectedOf(head, body));
  let count = 0;
  let lastSeq = 0;
  for (let start = end + 1; start < body.length;) {
    const stop = lineEnd(body, start);
    const wire = parseLine(body.toString("utf8", start, stop)) as WireEntry;
    held.apply(readEntry(wire, issuers));
    if (wire.q <= lastSeq || wire.q > head.seq) malformed(`entry ${wire.q} is out of order`);
    lastSeq = wire.q;
    count += 1;
    start = stop + 1;
    if (count % linesPerTurn === 0) await letOthersRun();
  }
  if (count !== head.n) malformed(`the snapshot holds ${count} of ${head.n} entries`);
  checkAgreement(held, checkpoint);
  return { head, held };
}

function readHeader(body: Buffer, checkpoint: CheckpointClaims) {
  if (body.length === 0) malformed("the snapshot has no header");
  const end = lineEnd(body, 0);
  const line = parseLine(body.toString("utf8", 0, end));
  return { head: checkSnapshotHead(line, checkpoint), issuers: readIssuers((line as SnapshotHeader).iss), end };
}

/** No more than the body could hold, whatever its header claims. */
function expectedOf(head: SnapshotHead, body: Buffer): number {
  const lineBytesMin = 40;
  return Math.min(head.n, Math.ceil(body.length / lineBytesMin));
}

function lineEnd(body: Buffer, start: number): number {
  const found = body.indexOf(newline, start);
  return found === -1 ? body.length : found;
}

function readEntries(page: ChangesPage): readonly RevocationEntry[] {
  if (!Array.isArray(page.ops) || page.ops.length !== page.to - page.from) malformed("the page has a gap");
  const issuers = readIssuers(page.iss);
  return page.ops.map((wire, index) => {
    const entry = readEntry(wire, issuers);
    if (wire.q !== page.from + 1 + index) malformed(`entry ${wire.q} is out of order`);
    return entry;
  });
}

function readIssuers(issuers: unknown): readonly string[] {
  if (Array.isArray(issuers) && issuers.every((issuer) => typeof issuer === "string")) return issuers;
  return malformed("the list of issuers");
}

/** An operation or scope of a later version stops the guard rather than pass unseen. */
function readEntry(wire: WireEntry, issuers: readonly string[]): RevocationEntry {
  if (typeof wire !== "object" || wire === null) malformed("an entry is no object");
  const { op, k: scope, s: sub, t: tid, nbf, exp } = wire;
  const iss = issuers[wire.i];
  if (!Number.isSafeInteger(wire.q)) malformed("an entry has no sequence number");
  if (iss === undefined || typeof sub !== "string") malformed(`entry ${wire.q} names no subject`);
  if (!operations.includes(op) || !scopes.includes(scope))
    malformed(`entry ${wire.q} has an unknown operation or scope`);
  if (tid !== undefined && (typeof tid !== "string" || !tenantScopes.includes(scope)))
    malformed(`entry ${wire.q} has no usable tenant`);
  if (nbf === undefined ? op === "nbf" : !Number.isFinite(nbf)) malformed(`entry ${wire.q} has no usable nbf`);
  if (exp !== undefined && !Number.isFinite(exp)) malformed(`entry ${wire.q} has no usable exp`);
  return {
    op,
    scope: scope ?? "sub",
    iss,
    sub,
    ...(tid === undefined ? {} : { tid }),
    ...(nbf === undefined ? {} : { nbf }),
    ...(exp === undefined ? {} : { exp }),
  };
}
