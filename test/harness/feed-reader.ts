import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import {
  addToDigest,
  type ChangesPage,
  type CheckpointClaims,
  checkpointHeader,
  checkpointType,
  digestText,
  removeFromDigest,
  type SnapshotHeader,
  type WireEntry,
} from "@rollcall/guard";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";

export type HeldEntry = {
  readonly seq: number;
  readonly op: "deny" | "nbf" | "allow";
  readonly iss: string;
  readonly sub: string;
  readonly nbf?: number;
  readonly exp?: number;
};

/** A follower that trusts nothing: every answer is verified, and every sequence number accounted for. */
export type FeedReader = {
  /** What is held for each key, by `iss sub`. */
  readonly held: ReadonlyMap<string, HeldEntry>;
  /** Every entry that came as a change, in order. */
  readonly seen: readonly HeldEntry[];
  readonly cursor: { readonly epoch: number; readonly seq: number };
  /** Reads changes until none is left, waiting at most `waitSec` for the first. Throws at a gap, a step back or a wrong digest. */
  catchUp(waitSec?: number): Promise<CheckpointClaims>;
  /** Starts over from the present snapshot. */
  takeSnapshot(): Promise<CheckpointClaims>;
};

export type FeedAddress = { readonly url: string; readonly feed: string; readonly token: string };
export type FeedFault = "gap" | "step_back" | "digest" | "body" | "status";

export class FeedBroken extends Error {
  readonly fault: FeedFault;

  constructor(fault: FeedFault, message: string) {
    super(message);
    this.name = "FeedBroken";
    this.fault = fault;
  }
}

export function keyOf(entry: { readonly iss: string; readonly sub: string }): string {
  return `${entry.iss} ${entry.sub}`;
}

/** Reads the claims of an answer's checkpoint, verified with the keys that the feed publishes. */
export async function readCheckpoint(address: FeedAddress, answer: Response, body?: Buffer): Promise<CheckpointClaims> {
  const keys = (await (await fetch(`${address.url}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  const jws = answer.headers.get(checkpointHeader) ?? "";
  const { payload } = await jwtVerify(jws, createLocalJWKSet(keys), { typ: checkpointType, algorithms: ["EdDSA"] });
  const claims = payload as unknown as CheckpointClaims;
  if (claims.feed !== address.feed) throw new FeedBroken("body", `the checkpoint is of the feed ${claims.feed}`);
  const hash = body && createHash("sha256").update(body).digest("base64url");
  if (claims.body_sha256 !== hash) throw new FeedBroken("body", "the checkpoint is of another body");
  return claims;
}

export function openFeedReader(address: FeedAddress): FeedReader {
  const held = new Map<string, HeldEntry>();
  const seen: HeldEntry[] = [];
  let cursor = { epoch: 1, seq: 0 };
  let digest = 0n;

  function hold(entry: HeldEntry): void {
    const key = keyOf(entry);
    const before = held.get(key);
    if (before !== undefined) digest = removeFromDigest(digest, { ...before, scope: "sub" });
    digest = addToDigest(digest, { ...entry, scope: "sub" });
    if (entry.op === "allow" && entry.nbf === undefined) held.delete(key);
    else held.set(key, entry);
  }

  function agree(claims: CheckpointClaims): void {
    if (claims.digest !== undefined && (claims.digest !== digestText(digest) || claims.n !== held.size)) {
      throw new FeedBroken(
        "digest",
        `the digest of ${held.size} entries at ${cursor.epoch}-${cursor.seq} is not the feed's (${claims.n})`,
      );
    }
  }

  async function readPage(waitSec: number): Promise<{ readonly claims: CheckpointClaims; readonly more: boolean }> {
    const answer = await get(address, `/changes?since=${cursor.epoch}-${cursor.seq}&wait=${waitSec}`);
    if (answer.status === 304) {
      const claims = await readCheckpoint(address, answer);
      if (claims.seq !== cursor.seq)
        throw new FeedBroken("step_back", `nothing after ${cursor.seq}, says a checkpoint of ${claims.seq}`);
      agree(claims);
      return { claims, more: false };
    }
    if (answer.status !== 200)
      throw new FeedBroken("status", `changes since ${cursor.epoch}-${cursor.seq}: ${answer.status}`);
    const body = Buffer.from(await answer.arrayBuffer());
    const claims = await readCheckpoint(address, answer, body);
    const page = JSON.parse(body.toString("utf8")) as ChangesPage;
    for (const wire of page.ops) {
      if (wire.q !== cursor.seq + 1)
        throw new FeedBroken(wire.q <= cursor.seq ? "step_back" : "gap", `after ${cursor.seq} came ${wire.q}`);
      cursor = { ...cursor, seq: wire.q };
      const entry = entryOf(wire, page.iss);
      seen.push(entry);
      hold(entry);
    }
    if (page.to !== cursor.seq) throw new FeedBroken("gap", `a page to ${page.to} ends at ${cursor.seq}`);
    agree(claims);
    return { claims, more: page.more };
  }

  return {
    held,
    seen,
    get cursor() {
      return cursor;
    },
    catchUp: async (waitSec = 0) => {
      let page = await readPage(waitSec);
      while (page.more) page = await readPage(0);
      return page.claims;
    },
    takeSnapshot: async () => {
      const { header, ops, claims } = await readSnapshot(address);
      held.clear();
      digest = 0n;
      cursor = { epoch: header.epoch, seq: header.seq };
      for (const wire of ops) hold(entryOf(wire, header.iss));
      agree(claims);
      return claims;
    },
  };
}

export type Snapshot = {
  readonly header: SnapshotHeader;
  readonly ops: readonly WireEntry[];
  readonly claims: CheckpointClaims;
  readonly body: Buffer;
};

/** Follows the redirect to the present snapshot and verifies it. */
export async function readSnapshot(address: FeedAddress): Promise<Snapshot> {
  const pointer = await get(address, "/snapshot");
  if (pointer.status !== 302) throw new FeedBroken("status", `snapshot: ${pointer.status}`);
  const cursor = /\/snapshots\/(\d+-\d+)$/.exec(pointer.headers.get("location") ?? "")?.[1];
  const answer = await get(address, `/snapshots/${cursor}`);
  if (answer.status !== 200) throw new FeedBroken("status", `snapshot ${cursor}: ${answer.status}`);
  const body = decoded(Buffer.from(await answer.arrayBuffer()));
  const claims = await readCheckpoint(address, answer, body);
  const [header, ...ops] = body
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  return { header: header as SnapshotHeader, ops: ops as WireEntry[], claims, body };
}

/** One request of a gateway; a redirect is an answer. */
export function get(
  { url, feed, token }: FeedAddress,
  path: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/v1/feeds/${feed}${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    redirect: "manual",
  });
}

// fetch decodes what it is sent coded; a proxy in between may have done it before.
function decoded(body: Buffer): Buffer {
  return body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body;
}

function entryOf(wire: WireEntry, issuers: readonly string[]): HeldEntry {
  const iss = issuers[wire.i];
  if (iss === undefined) throw new FeedBroken("body", `entry ${wire.q} names no issuer`);
  const { q: seq, op, s: sub, nbf, exp } = wire;
  return { seq, op, iss, sub, ...(nbf === undefined ? {} : { nbf }), ...(exp === undefined ? {} : { exp }) };
}
