import { authzRoutes, createAuthzGrpc, listenGrpc } from "@rollcall/authz";
import { createCheckClient } from "@rollcall/authz/testing";
import { createLog, createServer, createShutdown, type Logger } from "@rollcall/core/runtime";
import { type Guard, refusalReasons, type RefusalReason } from "@rollcall/guard";
import { afterAll, expect, test } from "vitest";
import { listen } from "../../apps/guard/src/testing/http-server.ts";
import { openRefusal, refusalCases } from "../../apps/guard/src/testing/refusal-cases.ts";
import { applications } from "../harness/adapter-applications.ts";
import { caddy, type GatewayProgram, kong, nginx } from "../harness/gateway-programs.ts";
import { send } from "../harness/gateway-scene.ts";

/** What a stranger sees of a refusal: all of it but the date and the number that the log knows it by. */
type Told = { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body: string };
type Door = {
  readonly ask: (token: string | undefined) => Promise<Told>;
  /** What it answers where nobody can tell. nginx knows no refusal but 401 and 403. */
  readonly unavailable: 403 | 503;
  /** Whose body a refusal has. nginx makes its own, and hands on the challenge alone. */
  readonly body: "ours" | "its own";
  /** Whether authz decides, and logs why. */
  readonly asksAuthz: boolean;
};
/** To the outside there is no other difference between reasons. Only a token that is not there is told of (RFC 6750 §3.1). */
type RefusalClass = "no token" | "will not do" | "cannot tell";

const reasons = Object.keys(refusalReasons) as RefusalReason[];
const challenge = 'Bearer realm="api", error="invalid_token", error_description="The access token is no longer valid"';
const challengeOf = { "no token": 'Bearer realm="api"', "will not do": challenge, "cannot tell": undefined };

const usual = { unavailable: 503, body: "ours" } as const;
const standing = standIn();
const logged: unknown[] = [];
const doors = await openDoors();
const first = new Map<RefusalClass, Readonly<Record<string, Told>>>();

test.each(reasons)(
  "%s looks like every refusal of its class at every door, and is named inside alone",
  async (reason) => {
    const decided: string[] = [];
    const { guard, token } = await openRefusal(refusalCases[reason], { onDecision: (one) => decided.push(one.reason) });
    standing.occupant = guard;
    logged.length = 0;
    const answers = await everywhere((door) => door.ask(token));
    const kind = classOf(reason);

    expect(mapped(answers, seenOf)).toEqual(mapped(doors, (door) => expectedOf(door, kind)));
    // Byte for byte, header by header.
    if (!first.has(kind)) first.set(kind, answers);
    expect(answers).toEqual(first.get(kind));
    for (const word of [...reasons, refusalReasons[reason].meaning])
      expect(JSON.stringify(answers)).not.toContain(word);

    expect(decided).toEqual(Object.keys(doors).map(() => reason));
    expect(guard.metrics().decisions[reason]).toBe(decided.length);
    expect(logged).toEqual(Object.values(doors).flatMap(({ asksAuthz }) => (asksAuthz ? [reason] : [])));
  },
);

test("a class has more than one reason, or has the missing token alone", () => {
  const counts = Object.groupBy(reasons, classOf);
  expect(counts["no token"]).toEqual(["token_missing"]);
  for (const kind of ["will not do", "cannot tell"] as const) expect(counts[kind]?.length).toBeGreaterThan(1);
});

function classOf(reason: RefusalReason): RefusalClass {
  if (refusalReasons[reason].status === 503) return "cannot tell";
  return reason === "token_missing" ? "no token" : "will not do";
}

function expectedOf({ unavailable, body }: Door, kind: RefusalClass) {
  const status = kind === "cannot tell" ? unavailable : 401;
  const code = kind === "cannot tell" ? "authz_unavailable" : "token_invalid";
  const ours = JSON.stringify({ type: "about:blank", status, code });
  return {
    status,
    challenge: challengeOf[kind],
    body: body === "ours" ? ours : (expect.stringContaining("<html>") as string),
  };
}

function seenOf({ status, headers, body }: Told) {
  return { status, challenge: headers["www-authenticate"], body };
}

/** Every door there is, each opened once. All of them ask one guard, whose place each row's guard takes. */
async function openDoors(): Promise<Readonly<Record<string, Door>>> {
  const { guard } = standing;
  const { authz, grpc } = await openAuthz(guard);
  const application = await listen((_request, response) => void response.end("let in"));
  afterAll(application.close);
  const adapters = Object.entries(applications).map(async ([name, open]) => {
    const ask = await open(guard, afterAll);
    const door: Door = { ask: (token) => ask("/", bearing(token)).then(told), ...usual, asksAuthz: false };
    return [name, door] as const;
  });
  const gateways = Object.entries({ nginx, Caddy: caddy, "Kong's plugin": kong })
    .filter(([, { isSkipped }]) => !isSkipped)
    .map(async ([name, program]) => {
      const origin = await (program as GatewayProgram).start({ api: application.origin, authz }, afterAll);
      const kind: Pick<Door, "unavailable" | "body"> = name === "nginx" ? { unavailable: 403, body: "its own" } : usual;
      return [name, { ask: asking(`${origin}/`), ...kind, asksAuthz: true }] as const;
    });
  return {
    ...Object.fromEntries(await Promise.all(adapters)),
    "authz over HTTP": { ask: asking(`${authz}/authz`), ...usual, asksAuthz: true },
    "authz for nginx": { ask: asking(`${authz}/authz/nginx`), ...usual, unavailable: 403, asksAuthz: true },
    "authz over gRPC": { ask: grpc, ...usual, asksAuthz: true },
    ...Object.fromEntries(await Promise.all(gateways)),
  };
}

async function openAuthz(guard: Guard) {
  const log = recordingLog();
  const app = createServer(log, { ready: async () => true }, createShutdown(log, 1_000));
  await app.register(authzRoutes(guard));
  const authz = await app.listen({ host: "127.0.0.1", port: 0 });
  const server = createAuthzGrpc(guard, { log });
  const client = createCheckClient(`127.0.0.1:${await listenGrpc(server, { host: "127.0.0.1", port: 0 })}`);
  afterAll(async () => {
    client.close();
    server.forceShutdown();
    await app.close();
  });
  const grpc = async (token: string | undefined): Promise<Told> => {
    const { denied_response: denied } = await client.check({
      attributes: { request: { http: { headers: bearing(token) } } },
    });
    const headers = (denied?.headers ?? []).map(({ header }) => [header?.key, header?.value]);
    return told({
      status: denied?.status?.code ?? 0,
      headers: Object.fromEntries(headers) as Record<string, string>,
      body: denied?.body ?? "",
    });
  };
  return { authz, grpc };
}

/** A log that writes nothing, and keeps the reasons that it was told. */
function recordingLog(): Logger {
  const log: Logger = Object.create(createLog("authz", "silent"));
  return Object.assign(log, {
    info: ({ reason }: { readonly reason?: unknown }) => void logged.push(reason),
    child: () => log,
  });
}

/** A guard in whose place another is put for each row. */
function standIn() {
  const place = { occupant: undefined as Guard | undefined };
  const occupant = (): Guard => {
    if (place.occupant === undefined) throw new Error("no row has begun");
    return place.occupant;
  };
  const guard: Guard = {
    start: () => occupant().start(),
    check: (...given) => occupant().check(...given),
    status: () => occupant().status(),
    metrics: () => occupant().metrics(),
    close: () => occupant().close(),
  };
  return Object.assign(place, { guard });
}

function asking(url: string): Door["ask"] {
  const { origin, pathname } = new URL(url);
  return (token) => send(origin, pathname, bearing(token)).then(told);
}

function bearing(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

function told({ status, headers, body }: Told): Told {
  const { date: _date, "x-request-id": _id, ...rest } = headers;
  return { status, headers: rest, body };
}

async function everywhere(ask: (door: Door) => Promise<Told>): Promise<Readonly<Record<string, Told>>> {
  const asked = Object.entries(doors).map(async ([name, door]) => [name, await ask(door)] as const);
  return Object.fromEntries(await Promise.all(asked));
}

function mapped<From, To>(table: Readonly<Record<string, From>>, change: (from: From) => To) {
  return Object.fromEntries(Object.entries(table).map(([name, from]) => [name, change(from)]));
}
