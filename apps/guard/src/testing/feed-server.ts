import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  CompactSign,
  exportJWK,
  generateKeyPair,
  type CompactJWSHeaderParameters,
  type CryptoKey,
  type JSONWebKeySet,
} from "jose";
import { createRevocations } from "../revocations.ts";
import {
  checkpointHeader,
  checkpointType,
  toWire,
  type ChangesPage,
  type CheckpointClaims,
  type FeedEntry,
  type Receipt,
  type ResolveAnswer,
  type ResolveRequest,
} from "../wire.ts";
import type { Clock } from "./clock.ts";
import { listen, readText } from "./http-server.ts";

export type FeedAnswer = {
  status: number;
  body?: string;
  claims?: CheckpointClaims;
  headers?: Record<string, string>;
  jws?: string;
};
type Resolved = ResolveAnswer | undefined;
type House = {
  readonly told: {
    readonly epoch: number;
    readonly log: readonly FeedEntry[];
    readonly forgottenTo: number;
    readonly pageMax: number;
    readonly asOf: number | undefined;
    readonly jwks: JSONWebKeySet;
    readonly sign: (claims: object) => Promise<string>;
    readonly tamper: ((answer: FeedAnswer, path: string) => FeedAnswer | Promise<FeedAnswer>) | undefined;
    readonly resolve: (subject: ResolveRequest) => Resolved | Promise<Resolved>;
    readonly requests: string[];
    readonly receipts: Receipt[];
    readonly resolves: ResolveRequest[];
  };
  readonly clock: Pick<Clock, "sec">;
  readonly waiting: Set<() => void>;
};
export type Publish = Partial<FeedEntry> & Pick<FeedEntry, "iss" | "sub">;

const feed = "acme";
const token = "feed-secret";
const maxStaleSec = 30;

/** A genuine feed over HTTP: it signs with Ed25519 and keeps its log; `tamper` is the man in the middle. */
export async function createFeedServer(clock: Pick<Clock, "sec">) {
  const signer = await createSigner("feed-1");
  const stranger = await createSigner("feed-1");
  const told = {
    epoch: 7,
    log: [] as FeedEntry[],
    forgottenTo: 0,
    pageMax: 1_000,
    asOf: undefined as number | undefined,
    jwks: signer.jwks,
    sign: signer.sign,
    tamper: undefined as ((answer: FeedAnswer, path: string) => FeedAnswer | Promise<FeedAnswer>) | undefined,
    resolve: (_subject: ResolveRequest): Resolved | Promise<Resolved> => ({ status: "unknown", reason: "test" }),
    requests: [] as string[],
    receipts: [] as Receipt[],
    resolves: [] as ResolveRequest[],
  };
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const go of waiting) go();
  };
  const house: House = { told, clock, waiting };
  const server = await listen(
    (request, response) => void answer(house, request, response).catch(() => response.destroy()),
  );

  return {
    origin: server.origin,
    url: `${server.origin}/v1/feeds/${feed}`,
    resolveUrl: `${server.origin}/v1/resolve`,
    token,
    told,
    /** Signs as the feed does, but with a key nobody published, under the same key id. */
    forge: stranger.sign,
    signer,
    publish: (...entries: readonly Publish[]): void => {
      for (const entry of entries) {
        told.log.push({
          op: "deny",
          scope: "sub",
          reason: "idp_inactive",
          acceptedAt: clock.sec(),
          ...entry,
          seq: head(told.log) + 1,
        });
      }
      wake();
    },
    /** Answers everybody who waits. */
    wake,
    waiters: () => waiting.size,
    close: server.close,
  };
}

async function answer(house: House, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { told } = house;
  const path = new URL(request.url ?? "/", "http://feed").pathname;
  const plain = await route(house, request);
  const sent = told.tamper === undefined ? plain : await told.tamper(plain, path);
  const jws = sent.jws ?? (sent.claims && (await told.sign(sent.claims)));
  response
    .writeHead(sent.status, { ...sent.headers, ...(jws === undefined ? {} : { [checkpointHeader]: jws }) })
    .end(sent.body);
}

async function route(house: House, request: IncomingMessage): Promise<FeedAnswer> {
  const { told } = house;
  const url = new URL(request.url ?? "/", "http://feed");
  told.requests.push(`${url.pathname}${url.search}`);
  if (url.pathname === "/.well-known/jwks.json") return { status: 200, body: JSON.stringify(told.jwks) };
  if (request.headers.authorization !== `Bearer ${token}`) return { status: 401 };
  const body = await readText(request);
  if (url.pathname === "/v1/resolve") {
    const subject = JSON.parse(body) as ResolveRequest;
    told.resolves.push(subject);
    const resolved = await told.resolve(subject);
    return resolved === undefined ? { status: 503 } : { status: 200, body: JSON.stringify(resolved) };
  }
  switch (url.pathname.replace(`/v1/feeds/${feed}`, "").replace(/\d+-\d+$/, "")) {
    case "/receipts":
      told.receipts.push(JSON.parse(body) as Receipt);
      return { status: 204 };
    case "/snapshot":
      return { status: 302, headers: { location: `/v1/feeds/${feed}/snapshots/${told.epoch}-${head(told.log)}` } };
    case "/snapshots/":
      return snapshot(house);
    case "/changes":
      return changes(house, url, request);
    default:
      return { status: 404 };
  }
}

function snapshot(house: House): FeedAnswer {
  const { epoch, log } = house.told;
  const live = liveEntries(log);
  const iss = [...new Set(live.map((entry) => entry.iss))];
  const header = { v: 1, feed, epoch, seq: head(log), n: live.length, iss, max_stale: maxStaleSec };
  const lines = [header, ...live.map((entry) => toWire(entry, iss.indexOf(entry.iss)))];
  const body = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  return { status: 200, body, claims: claimsAt(house, head(log), body) };
}

async function changes(house: House, url: URL, request: IncomingMessage): Promise<FeedAnswer> {
  const { told, waiting } = house;
  const [epoch, since] = (url.searchParams.get("since") ?? "").split("-").map(Number) as [number, number];
  const isGone = (): boolean => epoch !== told.epoch || since < told.forgottenTo || since > head(told.log);
  if (!isGone() && since === head(told.log))
    await waitFor(request, Number(url.searchParams.get("wait")) * 1_000, waiting);
  if (isGone()) return { status: 410 };
  const entries = told.log.filter(({ seq }) => seq > since).slice(0, told.pageMax);
  const to = entries.at(-1)?.seq;
  if (to === undefined) return { status: 304, claims: claimsAt(house, since) };
  const iss = [...new Set(entries.map((entry) => entry.iss))];
  const ops = entries.map((entry) => toWire(entry, iss.indexOf(entry.iss)));
  const more = to < head(told.log);
  const page: ChangesPage = {
    v: 1,
    feed,
    epoch,
    from: since,
    to,
    more,
    iss,
    ops,
    poll_after_ms: 0,
    max_stale: maxStaleSec,
  };
  const body = JSON.stringify(page);
  return { status: 200, body, claims: claimsAt(house, to, body) };
}

function claimsAt({ told, clock }: House, seq: number, body?: string): CheckpointClaims {
  const revocations = createRevocations();
  for (const entry of told.log) revocations.apply(entry);
  const iat = clock.sec();
  const about = seq === head(told.log) ? { n: revocations.size(), digest: revocations.digest() } : {};
  const hash = body === undefined ? {} : { body_sha256: sha256(body) };
  return {
    iss: "rollcall",
    feed,
    epoch: told.epoch,
    seq,
    as_of: told.asOf ?? iat,
    iat,
    exp: iat + maxStaleSec,
    ...about,
    ...hash,
  };
}

/** What `body_sha256` holds of a body. */
export function sha256(body: string): string {
  return createHash("sha256").update(body).digest("base64url");
}

export type FeedServer = Awaited<ReturnType<typeof createFeedServer>>;

/** An Ed25519 key that signs checkpoints. */
export async function createSigner(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA");
  const jwks: JSONWebKeySet = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" }] };
  return {
    jwks,
    sign: (claims: object, header: object = {}) =>
      sign(claims, privateKey, { alg: "EdDSA", typ: checkpointType, kid, ...header }),
  };
}

function sign(claims: object, key: CryptoKey, header: CompactJWSHeaderParameters): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims))).setProtectedHeader(header).sign(key);
}

function head(log: readonly FeedEntry[]): number {
  return log.at(-1)?.seq ?? 0;
}

function liveEntries(log: readonly FeedEntry[]): readonly FeedEntry[] {
  const live = new Map(log.map((entry) => [JSON.stringify([entry.scope, entry.iss, entry.sub]), entry]));
  return [...live.values()]
    .filter(({ op, nbf }) => op !== "allow" || nbf !== undefined)
    .sort((left, right) => left.seq - right.seq);
}

async function waitFor(request: IncomingMessage, ms: number, waiting: Set<() => void>): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = (): void => {
      clearTimeout(timer);
      waiting.delete(go);
      resolve();
    };
    const timer = setTimeout(go, ms);
    request.once("close", () => request.destroyed && request.socket.destroyed && go());
    waiting.add(go);
  });
}
