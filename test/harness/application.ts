import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, customFetch, jwtVerify } from "jose";
import { afterAll } from "vitest";
import { type Admin, adminOf } from "./admin.ts";
import type { House } from "./house.ts";
import type { TestTenant } from "./tenant.ts";
import { until } from "./until.ts";

export type Received = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** An application's own server: it keeps what it is sent, and answers as the story says. */
export type Application = {
  readonly url: string;
  /** What it was sent, in the order in which it came, whatever it answered. */
  readonly received: Received[];
  /** Answers the next requests so; where nothing is answered, the connection stays open. */
  answer: (request: Received, response: ServerResponse) => void;
  close(): Promise<void>;
};

export const accepts: Application["answer"] = (_request, response) => void response.writeHead(202).end();

export async function openApplication(port = 0): Promise<Application> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    void readText(request).then((body) => {
      const one = { path: request.url ?? "", headers: request.headers as Record<string, string>, body };
      received.push(one);
      application.answer(one, response);
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const application: Application = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer: accepts,
    close,
  };
  afterAll(close);
  return application;
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text;
}

/** A SET's claims, of those that stories look at. */
export type SetClaims = {
  readonly iss: string;
  readonly aud: string;
  readonly jti: string;
  readonly iat: number;
  readonly txn?: string;
  readonly sub_id: Readonly<Record<string, unknown>>;
  readonly events: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

/** Verifies a SET as a receiver does: with the keys that the transmitter's configuration leads to, by type, algorithm, issuer and audience. */
export async function verifySet(house: House, token: string, audience: string): Promise<SetClaims> {
  const configuration = (await (await fetch(`${house.url}/.well-known/ssf-configuration`)).json()) as {
    issuer: string;
    jwks_uri: string;
  };
  const keys = createRemoteJWKSet(new URL(configuration.jwks_uri), {
    [customFetch]: (url: string, options: object) => fetch(url.replace("https://rollcall.test", house.url), options),
  });
  const { payload } = await jwtVerify(token, keys, {
    typ: "secevent+jwt",
    algorithms: ["RS256"],
    issuer: configuration.issuer,
    audience,
  });
  return payload as unknown as SetClaims;
}

/** The short name of the one event that a SET tells. */
export function eventOf({ events }: SetClaims): string {
  const names = Object.keys(events);
  if (names.length !== 1) throw new Error(`a SET tells of one event, and this of ${names.length}`);
  return names[0]?.split("/").at(-1) ?? "";
}

const types = "https://schemas.openid.net/secevent";
const allEvents = [
  `${types}/risc/event-type/account-disabled`,
  `${types}/risc/event-type/account-enabled`,
  `${types}/risc/event-type/account-purged`,
  `${types}/risc/event-type/identifier-changed`,
  `${types}/caep/event-type/session-revoked`,
];

export type SsfAnswer = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> };

/** Speaks to the transmitter as a receiver of a tenant. */
export type Receiver = {
  readonly token: string;
  (method: string, path: string, body?: unknown): Promise<SsfAnswer>;
};

export async function receiverOf(
  house: House,
  tenant: Pick<TestTenant, "id">,
  receiver = "crm",
  scopes: readonly ("ssf.read" | "ssf.manage")[] = ["ssf.manage"],
): Promise<Receiver> {
  const { token } = await house.credentials.issue({
    purpose: "ssf",
    tenantId: tenant.id,
    receiver,
    scopes,
    label: "test",
  });
  return Object.assign((method: string, path: string, body?: unknown) => askSsf(house, token, method, path, body), {
    token,
  });
}

export async function askSsf(
  house: House,
  token: string | undefined,
  method: string,
  path: string,
  body?: unknown,
): Promise<SsfAnswer> {
  const response = await fetch(`${house.url}/ssf${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

export type Stream = { readonly id: string; readonly aud: string };

export async function createStream(receiver: Receiver, delivery?: Readonly<Record<string, string>>): Promise<Stream> {
  const { status, body } = await receiver("POST", "/streams", {
    events_requested: allEvents,
    ...(delivery === undefined ? {} : { delivery }),
  });
  if (status !== 201) throw new Error(`no stream: ${status} ${JSON.stringify(body)}`);
  return { id: body["stream_id"] as string, aud: body["aud"] as string };
}

export function pushTo(url: string, authorization?: string): Readonly<Record<string, string>> {
  return {
    method: "urn:ietf:rfc:8935",
    endpoint_url: url,
    ...(authorization === undefined ? {} : { authorization_header: authorization }),
  };
}

export type Webhook = { readonly id: string; readonly secret: string; readonly admin: Admin };

export async function createWebhook(
  house: House,
  tenant: TestTenant,
  url: string,
  events?: readonly string[],
): Promise<Webhook> {
  const admin = await adminOf(house, tenant);
  const { status, body } = await admin("POST", `/tenants/${tenant.slug}/webhooks`, {
    url,
    ...(events === undefined ? {} : { events }),
  });
  if (status !== 201) throw new Error(`no webhook: ${status} ${JSON.stringify(body)}`);
  return { id: body["id"] as string, secret: body["secret"] as string, admin };
}

/** Polls until nothing waits, acknowledging all: what was given, in the order in which it was. */
export async function pollAll(receiver: Receiver, stream: Stream): Promise<readonly string[]> {
  const tokens: string[] = [];
  let ack: readonly string[] = [];
  for (;;) {
    const { status, body } = await receiver("POST", `/streams/${stream.id}/poll`, { ack, returnImmediately: true });
    if (status !== 200) throw new Error(`no poll: ${status}`);
    const sets = body["sets"] as Record<string, string>;
    ack = Object.keys(sets);
    if (ack.length === 0) return tokens;
    tokens.push(...Object.values(sets));
  }
}

/** Polls until so many have come. */
export async function pollFor(receiver: Receiver, stream: Stream, count: number): Promise<readonly string[]> {
  const tokens: string[] = [];
  await until(`${count} messages can be polled`, async () => {
    tokens.push(...(await pollAll(receiver, stream)));
    return tokens.length >= count;
  });
  return tokens;
}
