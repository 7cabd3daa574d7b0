import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from "jose";
import { afterAll } from "vitest";

/** Whoever signs what is sent to a house: an issuer with keys of its own, and a server that publishes them. */
export type SigningIssuer = {
  readonly issuer: string;
  readonly jwksUri: string;
  /** How often its keys were asked for. */
  readonly asked: () => number;
  /** What it publishes; a story may spoil it. */
  readonly published: JWK[];
  /** Whether its server answers. */
  down: boolean;
  readonly privateKey: () => CryptoKey;
  readonly kid: () => string;
  /** Signs from now on with another key, published in place of the one before. */
  rotate(): Promise<void>;
  /** Signs as a SET, unless the header says otherwise. */
  sign(claims: JWTPayload, header?: Partial<JWTHeaderParameters>): Promise<string>;
};

export async function openIssuer(
  alg: "RS256" | "ES256" | "EdDSA" | "PS256" = "ES256",
  path = "",
): Promise<SigningIssuer> {
  const published: JWK[] = [];
  let asked = 0;
  let held: { readonly privateKey: CryptoKey; readonly kid: string } | undefined;
  const server = createServer((request, response) => {
    if (own.down) return void response.writeHead(503).end();
    const body = request.url === `${path}/jwks` ? { keys: published } : configurationAt(request.url ?? "");
    if (request.url === `${path}/jwks`) asked += 1;
    response
      .writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" })
      .end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = `${origin}${path}`;
  const configurationAt = (url: string): object | undefined =>
    [`${path}/.well-known/openid-configuration`, `/.well-known/ssf-configuration${path}`].includes(url)
      ? { issuer, jwks_uri: `${issuer}/jwks` }
      : undefined;
  const current = () => {
    if (held === undefined) throw new Error("no key");
    return held;
  };
  const own: SigningIssuer = {
    issuer,
    jwksUri: `${issuer}/jwks`,
    asked: () => asked,
    published,
    down: false,
    privateKey: () => current().privateKey,
    kid: () => current().kid,
    rotate: async () => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      held = { privateKey, kid: randomUUID() };
      published.splice(0, published.length, { ...(await exportJWK(publicKey)), kid: held.kid, use: "sig" });
    },
    sign: (claims, header = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg, typ: "secevent+jwt", kid: current().kid, ...header })
        .sign(current().privateKey),
  };
  await own.rotate();
  return own;
}

/** A JWS of these parts, whatever they are, with a signature that somebody makes of them. */
export function tokenOf(header: object, claims: object, signatureOf: (signed: string) => Buffer): string {
  const signed = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${signed}.${signatureOf(signed).toString("base64url")}`;
}
