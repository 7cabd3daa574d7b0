import { createServer } from "node:http";
import Provider, { type KoaContextWithOIDC } from "oidc-provider";
import { freePort } from "./postgres.ts";
import { privateJwk } from "./secrets.ts";

export type IdentityProvider = {
  readonly issuer: string;
  /** An access token for a person, from the token endpoint over HTTP. */
  tokenFor(sub: string): Promise<string>;
  close(): Promise<void>;
};

export const demoAudience = "https://api.demo.test";
const grant = "urn:rollcall:demo:person";
const client = { id: "demo-app", secret: "a secret of the demo only" };

/** A real OpenID provider on a loopback port, which issues RFC 9068 access tokens for whomever it is asked. */
export async function startIdentityProvider(): Promise<IdentityProvider> {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        grant_types: [grant],
        redirect_uris: [],
        response_types: [],
      },
    ],
    jwks: { keys: [{ ...(await privateJwk("RS256")) }] },
    cookies: { keys: ["a cookie key of the demo only"] },
    findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    ttl: { AccessToken: 3600, Grant: 3600 },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => demoAudience,
        getResourceServerInfo: () => ({
          scope: "api",
          audience: demoAudience,
          accessTokenTTL: 3600,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  provider.registerGrantType(grant, (context) => grantPerson(provider, context), ["sub"], []);
  const answer = provider.callback();
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => {
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    issuer,
    tokenFor: (sub) => askForToken(issuer, sub),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function grantPerson(provider: Provider, context: KoaContextWithOIDC): Promise<void> {
  const { client: asking, params } = context.oidc;
  const resourceServer = new provider.ResourceServer(demoAudience, {
    scope: "api",
    audience: demoAudience,
    accessTokenTTL: 3600,
    accessTokenFormat: "jwt",
    jwt: { sign: { alg: "RS256" } },
  });
  if (asking === undefined) throw new Error("the token endpoint asked for no client");
  const accountId = String(params?.["sub"]);
  const consent = new provider.Grant({ clientId: asking.clientId, accountId });
  consent.addResourceScope(demoAudience, "api");
  const token = new provider.AccessToken({
    accountId,
    client: asking,
    scope: "api",
    gty: grant,
    grantId: await consent.save(),
  });
  token.resourceServer = resourceServer;
  context.body = { access_token: await token.save(), token_type: "Bearer", expires_in: 3600 };
}

async function askForToken(issuer: string, sub: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`).toString("base64")}`,
    },
    body: new URLSearchParams({ grant_type: grant, sub }),
  });
  const answer = (await response.json()) as { access_token?: string; error?: string; error_description?: string };
  if (answer.access_token === undefined)
    throw new Error(`the identity provider gave no token: ${answer.error ?? ""} ${answer.error_description ?? ""}`);
  return answer.access_token;
}
