import type { IncomingMessage, ServerResponse } from "node:http";
import {
  CompactSign,
  exportJWK,
  generateKeyPair,
  type CompactJWSHeaderParameters,
  type CryptoKey,
  type JSONWebKeySet,
} from "jose";
import {
  checkpointHeader,
  checkpointType,
  type CheckpointClaims,
  type FeedEntry,
  type Receipt,
  type RefusalReport,
  type ResolveAnswer,
  type ResolveRequest,
  streamMediaType,
} from "../wire.ts";
import type { Clock } from "./clock.ts";
import { feedName, revocationFeed, type SubjectChange, subjectFeed, type TestFeed } from "./feed-answers.ts";
import { listen, readText } from "./http-server.ts";

export { sha256 } from "./feed-answers.ts";

export type FeedAnswer = {
  status: number;
  /** Text, unless it is the bytes of a snapshot of subjects. */
  body?: string;
  bytes?: Buffer;
  claims?: CheckpointClaims;
  headers?: Record<string, string>;
  jws?: string;
};
type Resolved = ResolveAnswer | undefined;
type House = {
  readonly told: ReturnType<typeof tell>;
  readonly feeds: { readonly revocations: TestFeed; readonly subjects: TestFeed };
  readonly waiting: Set<() => void>;
};
export type Publish = Partial<FeedEntry> & Pick<FeedEntry, "iss" | "sub">;

const token = "feed-secret";

/** A genuine feed over HTTP: it signs with Ed25519 and keeps its log; `tamper` is the man in the middle. */
export async function createFeedServer(clock: Pick<Clock, "sec">) {
  const signer = await createSigner("feed-1");
  const stranger = await createSigner("feed-1");
  const told = tell(signer);
  const moment = () => ({ epoch: told.epoch, sec: clock.sec(), asOf: told.asOf });
  const feeds = {
    revocations: revocationFeed(
      () => told.log,
      moment,
      () => (told.hashed ? subjectKey : undefined),
    ),
    subjects: subjectFeed(
      () => told.subjects,
      moment,
      () => subjectKey,
    ),
  };
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const go of waiting) go();
  };
  const house: House = { told, feeds, waiting };
  const server = await listen(
    (request, response) => void answer(house, request, response).catch(() => response.destroy()),
  );

  return {
    origin: server.origin,
    url: `${server.origin}/v1/feeds/${feedName}`,
    resolveUrl: `${server.origin}/v1/resolve`,
    token,
    /** As an option of the guard. */
    subjectKey: subjectKey.toString("base64url"),
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
          seq: feeds.revocations.head() + 1,
        });
      }
      wake();
    },
    /** Subjects that Rollcall knows from now on, or no more. */
    know: (...changes: readonly SubjectChange[]): void => {
      told.subjects.push(...changes);
      wake();
    },
    /** Answers everybody who waits. */
    wake,
    waiters: () => waiting.size,
    close: server.close,
  };
}

const subjectKey = Buffer.alloc(32, "subject-key");

/** What the feed tells, and what it was told; a test changes it at will. */
function tell(signer: Signer) {
  return {
    epoch: 7,
    log: [] as FeedEntry[],
    subjects: [] as SubjectChange[],
    hashed: false,
    streams: true,
    forgottenTo: 0,
    pageMax: 1_000,
    asOf: undefined as number | undefined,
    jwks: signer.jwks,
    sign: signer.sign as (claims: object) => Promise<string>,
    tamper: undefined as ((answer: FeedAnswer, path: string) => FeedAnswer | Promise<FeedAnswer>) | undefined,
    resolve: (_subject: ResolveRequest): Resolved | Promise<Resolved> => ({ status: "unknown", reason: "test" }),
    requests: [] as string[],
    /** The Authorization header of each request. */
    shown: [] as (string | undefined)[],
    receipts: [] as Receipt[],
    resolves: [] as ResolveRequest[],
    reports: [] as RefusalReport[],
    /** What a report is answered with. */
    report: (): FeedAnswer => ({ status: 204 }),
  };
}

async function answer(house: House, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { told } = house;
  const path = new URL(request.url ?? "/", "http://feed").pathname;
  if (path.endsWith("/stream") && told.streams) return stream(house, request, response);
  const plain = await route(house, request);
  const { status, headers, body, bytes, jws } = await signed(told, plain, path);
  response
    .writeHead(status, { ...headers, ...(jws === undefined ? {} : { [checkpointHeader]: jws }) })
    .end(bytes ?? body);
}

async function signed(told: House["told"], plain: FeedAnswer, path: string): Promise<FeedAnswer> {
  const sent = told.tamper === undefined ? plain : await told.tamper(plain, path);
  const jws = sent.jws ?? (sent.claims && (await told.sign(sent.claims)));
  return jws === undefined ? sent : { ...sent, jws };
}

async function route(house: House, request: IncomingMessage): Promise<FeedAnswer> {
  const { told, feeds } = house;
  const url = new URL(request.url ?? "/", "http://feed");
  told.requests.push(`${url.pathname}${url.search}`);
  told.shown.push(request.headers.authorization);
  if (url.pathname === "/.well-known/jwks.json") return { status: 200, body: JSON.stringify(told.jwks) };
  if (request.headers.authorization !== `Bearer ${token}`) return { status: 401 };
  const body = await readText(request);
  if (url.pathname === "/v1/resolve") {
    const subject = JSON.parse(body) as ResolveRequest;
    told.resolves.push(subject);
    const resolved = await told.resolve(subject);
    return resolved === undefined ? { status: 503 } : { status: 200, body: JSON.stringify(resolved) };
  }
  const path = url.pathname.replace(`/v1/feeds/${feedName}`, "");
  const feed = path.startsWith("/subjects/") ? feeds.subjects : feeds.revocations;
  switch (path.replace(/^\/subjects/, "").replace(/\d+-\d+$/, "")) {
    case "/receipts":
      told.receipts.push(JSON.parse(body) as Receipt);
      return { status: 204 };
    case "/refusals":
      told.reports.push(JSON.parse(body) as RefusalReport);
      return told.report();
    case "/snapshot":
      return { status: 302, headers: { location: `${url.pathname}s/${told.epoch}-${feed.head()}` } };
    case "/snapshots/":
      return readable(feed.snapshot(), feed === feeds.subjects);
    case "/changes":
      return changes(house, feed, url, request);
    default:
      return { status: 404 };
  }
}

async function changes(house: House, feed: TestFeed, url: URL, request: IncomingMessage): Promise<FeedAnswer> {
  const { told, waiting } = house;
  const cursor = cursorOf(url);
  const isGone = (): boolean =>
    cursor.epoch !== told.epoch || cursor.seq < told.forgottenTo || cursor.seq > feed.head();
  if (!isGone() && cursor.seq === feed.head())
    await waitFor(request, Number(url.searchParams.get("wait")) * 1_000, waiting);
  if (isGone()) return { status: 410 };
  if (cursor.seq === feed.head()) return { status: 304, claims: feed.unchanged() };
  return readable(feed.page(cursor.seq, told.pageMax), false);
}

/** An event at the start and whenever somebody is woken: a page where there is one, else a checkpoint. */
async function stream(house: House, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { told, feeds, waiting } = house;
  const url = new URL(request.url ?? "/", "http://feed");
  told.requests.push(`${url.pathname}${url.search}`);
  const feed = url.pathname.includes("/subjects/") ? feeds.subjects : feeds.revocations;
  let { epoch, seq } = cursorOf(url);
  if (epoch !== told.epoch || seq < told.forgottenTo) {
    response.writeHead(410).end();
    return;
  }
  response.writeHead(200, { "content-type": streamMediaType });
  response.write(": welcome\r\n\r\n");
  while (!request.socket.destroyed && epoch === told.epoch) {
    const told200 = seq < feed.head() ? feed.page(seq, told.pageMax) : undefined;
    const plain = told200 === undefined ? { status: 304, claims: feed.unchanged() } : readable(told200, false);
    const { status, body, jws } = await signed(told, plain, url.pathname);
    if (status >= 400) break;
    seq = told200?.to ?? seq;
    const data = body === undefined ? [jws] : [jws, body];
    const lines = data.map((line) => `data: ${line}\n`).join("");
    response.write(`id: ${epoch}-${seq}\nevent: ${body === undefined ? "checkpoint" : "ops"}\n${lines}\n`);
    await waitFor(request, 5_000, waiting);
  }
  response.end();
}

function cursorOf(url: URL): { epoch: number; seq: number } {
  const [epoch = Number.NaN, seq = Number.NaN] = (url.searchParams.get("since") ?? "").split("-").map(Number);
  return { epoch, seq };
}

function readable({ body, claims }: ReturnType<TestFeed["snapshot"]>, isBinary: boolean): FeedAnswer {
  return isBinary ? { status: 200, bytes: body, claims } : { status: 200, body: body.toString("utf8"), claims };
}

export type FeedServer = Awaited<ReturnType<typeof createFeedServer>>;
type Signer = Awaited<ReturnType<typeof createSigner>>;

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
