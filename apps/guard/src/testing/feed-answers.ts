import { createHash } from "node:crypto";
import { createRevocations } from "../revocations.ts";
import { hashedBy, hashedNaming, hashSubject, plainNaming } from "../subject-naming.ts";
import { createSubjectSet } from "../subject-set.ts";
import { type ChangesPage, type CheckpointClaims, type FeedEntry, type SubjectChangesPage, toWire } from "../wire.ts";

/** A body and what its checkpoint says of it, before it is signed. */
export type Told = { readonly body: Buffer; readonly claims: CheckpointClaims };
/** Where one of the feeds is, and how it tells of itself. */
export type TestFeed = {
  readonly head: () => number;
  readonly snapshot: () => Told;
  readonly page: (since: number, countMax: number) => Told & { readonly to: number };
  readonly unchanged: () => CheckpointClaims;
};
export type SubjectChange = { readonly known: boolean; readonly iss: string; readonly sub: string };
export type Moment = { readonly epoch: number; readonly sec: number; readonly asOf: number | undefined };

export const feedName = "acme";
const maxStaleSec = 30;

/** What `body_sha256` holds of a body. */
export function sha256(body: string | Buffer): string {
  return createHash("sha256").update(body).digest("base64url");
}

/** The revocation feed of a log, hashed where there is a key. */
export function revocationFeed(
  log: () => readonly FeedEntry[],
  moment: () => Moment,
  subjectKey: () => Buffer | undefined,
): TestFeed {
  const named = (): readonly FeedEntry[] => {
    const key = subjectKey();
    const naming = key === undefined ? plainNaming : hashedNaming(key);
    const isNamed = ({ scope }: FeedEntry) => scope !== "tenant" && scope !== "iss";
    return log().map((entry) => (isNamed(entry) ? { ...entry, sub: naming(entry.iss, entry.sub) } : entry));
  };
  const hash = () => {
    const key = subjectKey();
    return key === undefined ? {} : hashedBy(key);
  };
  const head = () => log().at(-1)?.seq ?? 0;
  const whole = () => {
    const revocations = createRevocations();
    for (const entry of named()) revocations.apply(entry);
    return { n: revocations.size(), digest: revocations.digest() };
  };
  const claims = (seq: number, body?: Buffer) =>
    claimsOf(feedName, moment(), seq, body, seq === head() ? whole() : undefined);

  return {
    head,
    snapshot: () => {
      const live = liveEntries(named());
      const iss = [...new Set(live.map((entry) => entry.iss))];
      const { epoch } = moment();
      const header = {
        v: 1,
        feed: feedName,
        epoch,
        seq: head(),
        n: live.length,
        ...hash(),
        iss,
        max_stale: maxStaleSec,
      };
      const lines = [header, ...live.map((entry) => toWire(entry, iss.indexOf(entry.iss)))];
      const body = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      return { body, claims: claims(head(), body) };
    },
    page: (since, countMax) => {
      const entries = named()
        .filter(({ seq }) => seq > since)
        .slice(0, countMax);
      const to = entries.at(-1)?.seq ?? since;
      const iss = [...new Set(entries.map((entry) => entry.iss))];
      const ops = entries.map((entry) => toWire(entry, iss.indexOf(entry.iss)));
      const page: ChangesPage = { ...pageHead(feedName, moment(), since, to, head()), ...hash(), iss, ops };
      const body = Buffer.from(JSON.stringify(page));
      return { to, body, claims: claims(to, body) };
    },
    unchanged: () => claims(head()),
  };
}

/** The feed of known subjects. */
export function subjectFeed(
  log: () => readonly SubjectChange[],
  moment: () => Moment,
  subjectKey: () => Buffer,
): TestFeed {
  const name = `${feedName}/subjects`;
  const hashOf = ({ iss, sub }: SubjectChange): Buffer => hashSubject(subjectKey(), iss, sub);
  const head = () => log().length;
  const live = (): readonly Buffer[] => {
    const known = new Map<string, Buffer>();
    for (const change of log()) {
      const hash = hashOf(change);
      if (change.known) known.set(hash.toString("hex"), hash);
      else known.delete(hash.toString("hex"));
    }
    return [...known.values()].sort(Buffer.compare);
  };
  const whole = () => {
    const set = createSubjectSet();
    for (const hash of live()) set.add(hash);
    return { n: set.size(), digest: set.digest() };
  };
  const claims = (seq: number, body?: Buffer) =>
    claimsOf(name, moment(), seq, body, seq === head() ? whole() : undefined);

  return {
    head,
    snapshot: () => {
      const hashes = live();
      const { epoch } = moment();
      const header = {
        v: 1,
        feed: name,
        epoch,
        seq: head(),
        n: hashes.length,
        ...hashedBy(subjectKey()),
        max_stale: maxStaleSec,
      };
      const body = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...hashes]);
      return { body, claims: claims(head(), body) };
    },
    page: (since, countMax) => {
      const changes = log().slice(since, since + countMax);
      const to = since + changes.length;
      const ops = changes.map((change) => `${change.known ? "+" : "-"}${hashOf(change).toString("base64url")}`);
      const page: SubjectChangesPage = {
        ...pageHead(name, moment(), since, to, head()),
        ...hashedBy(subjectKey()),
        ops,
      };
      const body = Buffer.from(JSON.stringify(page));
      return { to, body, claims: claims(to, body) };
    },
    unchanged: () => claims(head()),
  };
}

function pageHead(feed: string, { epoch }: Moment, from: number, to: number, head: number) {
  return { v: 1, feed, epoch, from, to, more: to < head, poll_after_ms: 0, max_stale: maxStaleSec } as const;
}

function claimsOf(
  feed: string,
  { epoch, sec: iat, asOf }: Moment,
  seq: number,
  body: Buffer | undefined,
  whole: Pick<CheckpointClaims, "n" | "digest"> | undefined,
): CheckpointClaims {
  return {
    iss: "rollcall",
    feed,
    epoch,
    seq,
    as_of: asOf ?? iat,
    iat,
    exp: iat + maxStaleSec,
    ...whole,
    ...(body === undefined ? {} : { body_sha256: sha256(body) }),
  };
}

function liveEntries(log: readonly FeedEntry[]): readonly FeedEntry[] {
  const live = new Map(log.map((entry) => [JSON.stringify([entry.scope, entry.iss, entry.sub, entry.tid]), entry]));
  return [...live.values()]
    .filter(({ op, nbf }) => op !== "allow" || nbf !== undefined)
    .sort((left, right) => left.seq - right.seq);
}
