import { FeedError } from "./feed-error.ts";
import { createRevocations, type RevocationEntry, type Revocations } from "./revocations.ts";
import type { ChangesPage, CheckpointClaims, SnapshotHeader, WireEntry } from "./wire.ts";

export type ReadSnapshot = { readonly header: SnapshotHeader; readonly revocations: Revocations };
export type ReadPage = { readonly page: ChangesPage; readonly entries: readonly RevocationEntry[] };

const newline = 0x0a;
/** A million entries take seconds to parse; requests are answered in between. */
const linesPerTurn = 2_000;
const scopes: readonly unknown[] = [undefined, "sub", "sid", "jti", "tenant", "iss"];
const operations: readonly unknown[] = ["deny", "nbf", "allow"];

/** Reads a snapshot whose hash was verified; a line too few or too many, or another digest, and it is refused whole. */
export async function readSnapshot(body: Buffer, checkpoint: CheckpointClaims): Promise<ReadSnapshot> {
  const revocations = createRevocations();
  let header: SnapshotHeader | undefined;
  let count = 0;
  let lastSeq = 0;
  for (let start = 0; start < body.length;) {
    const found = body.indexOf(newline, start);
    const end = found === -1 ? body.length : found;
    const line = parse(body.toString("utf8", start, end));
    start = end + 1;
    if (header === undefined) {
      header = readSnapshotHeader(line, checkpoint);
      continue;
    }
    const wire = line as WireEntry;
    revocations.apply(readEntry(wire, header.iss));
    if (wire.q <= lastSeq || wire.q > header.seq) malformed(`entry ${wire.q} is out of order`);
    lastSeq = wire.q;
    count += 1;
    if (count % linesPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  if (header === undefined) malformed("the snapshot has no header");
  if (count !== header.n) malformed(`the snapshot holds ${count} of ${header.n} entries`);
  if (!agrees(revocations, checkpoint))
    throw new FeedError("digest_mismatch", "the snapshot's entries have another digest than its checkpoint");
  return { header, revocations };
}

/** Reads a page whose hash was verified; nothing of it counts unless all of it can be read. */
export function readPage(body: Buffer, checkpoint: CheckpointClaims): ReadPage {
  const page = parse(body.toString("utf8")) as ChangesPage;
  if (page.v !== 1 || page.feed !== checkpoint.feed || page.epoch !== checkpoint.epoch)
    malformed("the page is of another feed or epoch");
  if (!isCount(page.from) || !isCount(page.to) || !isCount(page.max_stale) || typeof page.more !== "boolean")
    malformed("the page's header");
  if (page.poll_after_ms !== undefined && !isCount(page.poll_after_ms)) malformed("poll_after_ms is no number");
  // A page short of the head may carry the head's checkpoint, never an earlier one.
  if (page.more ? checkpoint.seq < page.to : checkpoint.seq !== page.to)
    malformed("the page ends elsewhere than its checkpoint");
  if (!Array.isArray(page.ops) || page.ops.length !== page.to - page.from) malformed("the page has a gap");
  const issuers = readIssuers(page.iss);
  const entries = page.ops.map((wire, index) => {
    const entry = readEntry(wire, issuers);
    if (wire.q !== page.from + 1 + index) malformed(`entry ${wire.q} is out of order`);
    return entry;
  });
  return { page, entries };
}

/** True unless the checkpoint says how many entries live, or their digest, and it is not what is held. */
export function agrees(revocations: Revocations, checkpoint: CheckpointClaims): boolean {
  if (checkpoint.n !== undefined && checkpoint.n !== revocations.size()) return false;
  return checkpoint.digest === undefined || checkpoint.digest === revocations.digest();
}

function readSnapshotHeader(line: unknown, checkpoint: CheckpointClaims): SnapshotHeader {
  const header = line as SnapshotHeader;
  if (header.v !== 1 || header.feed !== checkpoint.feed) malformed("the snapshot is of another feed or version");
  if (header.epoch !== checkpoint.epoch || header.seq !== checkpoint.seq)
    malformed("the snapshot is of another point than its checkpoint");
  if (!isCount(header.n) || !isCount(header.max_stale)) malformed("the snapshot's header");
  readIssuers(header.iss);
  return header;
}

function readIssuers(issuers: unknown): readonly string[] {
  if (Array.isArray(issuers) && issuers.every((issuer) => typeof issuer === "string")) return issuers;
  return malformed("the list of issuers");
}

/** An operation or scope of a later version stops the guard rather than pass unseen. */
function readEntry(wire: WireEntry, issuers: readonly string[]): RevocationEntry {
  if (typeof wire !== "object" || wire === null) malformed("an entry is no object");
  const iss = issuers[wire.i];
  if (!Number.isSafeInteger(wire.q)) malformed("an entry has no sequence number");
  if (iss === undefined || typeof wire.s !== "string") malformed(`entry ${wire.q} names no subject`);
  if (!operations.includes(wire.op) || !scopes.includes(wire.k))
    malformed(`entry ${wire.q} has an unknown operation or scope`);
  if (wire.nbf === undefined ? wire.op === "nbf" : !Number.isFinite(wire.nbf))
    malformed(`entry ${wire.q} has no usable nbf`);
  if (wire.exp !== undefined && !Number.isFinite(wire.exp)) malformed(`entry ${wire.q} has no usable exp`);
  return {
    op: wire.op,
    scope: wire.k ?? "sub",
    iss,
    sub: wire.s,
    ...(wire.nbf === undefined ? {} : { nbf: wire.nbf }),
    ...(wire.exp === undefined ? {} : { exp: wire.exp }),
  };
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch (cause) {
    throw new FeedError("body_malformed", "a line is no JSON", { cause });
  }
  return malformed("a line is no object");
}

function malformed(what: string): never {
  throw new FeedError("body_malformed", what);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
