import {
  exportJWK,
  generateKeyPair,
  SignJWT,
  type CryptoKey,
  type JSONWebKeySet,
  type JWTHeaderParameters,
} from "jose";
import type { Clock } from "./clock.ts";
import { listen } from "./http-server.ts";

export type MintOptions = {
  readonly header?: { readonly [name in keyof JWTHeaderParameters]?: JWTHeaderParameters[name] | undefined };
  readonly key?: CryptoKey | Uint8Array;
};

/** A real token issuer: a discovery document, a key set, and signed tokens that live 5 minutes. */
export async function createIssuer(clock: Pick<Clock, "sec">, alg: "ES256" | "RS256" = "ES256") {
  const answers = {
    status: 200,
    discovery: {} as Record<string, unknown>,
    requests: [] as string[],
    /** Served in place of the real key set. */
    jwks: undefined as object | undefined,
    /** Answers wait for this. */
    hold: Promise.resolve(),
  };
  let pair = await generateKeyPair(alg);
  let kid = "key-1";
  let jwks: JSONWebKeySet = { keys: [{ ...(await exportJWK(pair.publicKey)), kid, alg, use: "sig" }] };
  const server = await listen((request, response) => {
    answers.requests.push(request.url ?? "");
    const body =
      request.url === "/jwks"
        ? (answers.jwks ?? jwks)
        : { issuer: server.origin, jwks_uri: `${server.origin}/jwks`, ...answers.discovery };
    void answers.hold.then(() =>
      response
        .writeHead(answers.status, { "content-type": "application/json", location: "/elsewhere" })
        .end(JSON.stringify(body)),
    );
  });

  return {
    ...server,
    answers,
    jwks: () => jwks,
    /** Signs with a new key from now on; the old one is published no more. */
    rotate: async (): Promise<void> => {
      pair = await generateKeyPair(alg);
      kid = `key-${Number(kid.slice(4)) + 1}`;
      jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid, alg, use: "sig" }] };
    },
    mint: (claims: Record<string, unknown> = {}, { header, key }: MintOptions = {}): Promise<string> => {
      const usual = { iss: server.origin, aud: "api", sub: "ada", iat: clock.sec(), exp: clock.sec() + 300 };
      const token = new SignJWT({ ...usual, ...claims });
      return token
        .setProtectedHeader({ alg, typ: "JWT", kid, ...header } as JWTHeaderParameters)
        .sign(key ?? pair.privateKey);
    },
  };
}

export type Issuer = Awaited<ReturnType<typeof createIssuer>>;
