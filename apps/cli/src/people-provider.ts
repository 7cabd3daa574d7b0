import { createServer } from "node:http";
import Provider from "oidc-provider";
import { privateJwk } from "./secrets.ts";

/** A person at an identity provider, with what it tells of them. */
export type Person = { readonly sub: string; readonly name: string; readonly groups: readonly string[] };

export type PeopleProvider = {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Who is logged in at it, in every browser. */
  person: Person;
  close(): Promise<void>;
};

const clientId = "rollcall";
const clientSecret = "a secret of the story only, which is long enough";

/** A real OpenID provider on a loopback port, at which whoever is meant logs in without a word: for stories about logging in. */
export async function startPeopleProvider(redirectUri: string, person: Person): Promise<PeopleProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { readonly port: number };
  const issuer = `http://127.0.0.1:${port}`;
  const people: PeopleProvider = {
    issuer,
    clientId,
    clientSecret,
    person,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
    jwks: { keys: [{ ...(await privateJwk("RS256")) }] },
    cookies: { keys: ["a cookie key of the story only"] },
    claims: { openid: ["sub"], profile: ["name"], groups: ["groups"] },
    scopes: ["openid", "profile", "groups"],
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, name: people.person.name, groups: [...people.person.groups] }),
    }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    ttl: { Interaction: 600, Grant: 600, Session: 600, AccessToken: 600, IdToken: 600 },
    pkce: { required: () => true },
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    if (request.url?.startsWith("/interaction/") !== true) return void answer(request, response);
    void (async () => {
      const { params } = await provider.interactionDetails(request, response);
      const grant = new provider.Grant({ accountId: people.person.sub, clientId });
      grant.addOIDCScope(String(params["scope"]));
      const grantId = await grant.save();
      await provider.interactionFinished(request, response, {
        login: { accountId: people.person.sub },
        consent: { grantId },
      });
    })();
  });
  return people;
}
