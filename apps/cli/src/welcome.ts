import { firstTenant, type FirstTokens } from "./first-tenant.ts";

export type WelcomeFacts = {
  readonly url: string;
  readonly home: string;
  readonly embedded: boolean;
  readonly redis: boolean;
  /** Only on the first start. */
  readonly tokens: FirstTokens | undefined;
};

/** What a person sees when Rollcall is up: where it is, the tokens once, and three lines to try. */
export function welcome({ url, home, embedded, redis, tokens }: WelcomeFacts): string {
  const database = embedded ? `PostgreSQL in ${home}/postgres` : "your PostgreSQL";
  const lines = [
    "",
    `Rollcall is up at ${url}  (${database}, queue in ${redis ? "Redis" : "the same database"})`,
    "",
    `  SCIM       ${url}/scim/v2`,
    `  feed       ${url}/v1/feeds/${firstTenant}`,
    `  admin      ${url}/v1/admin`,
    `  console    ${url}/console/     in a browser, with the admin token`,
    ...(embedded ? [`  gateway    ${url}/authz          answers 200 or 401 for a token, as your gateway would`] : []),
    "",
    ...(tokens === undefined ? laterStart(home) : tokenLines(tokens)),
    ...(tokens !== undefined && embedded ? tryLines(url, tokens) : []),
    "Stop with Ctrl-C.",
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function laterStart(home: string): readonly string[] {
  return [
    "The tokens were shown at the first start. The command line has its own; for a new one:",
    `  npm run rollcall -- token issue --help        (admin token in ${home}/cli.json)`,
    "",
  ];
}

function tokenLines(tokens: FirstTokens): readonly string[] {
  return [
    "Three tokens, shown this once; only their digests are kept:",
    `  SCIM_TOKEN=${tokens.scim}`,
    `  ADMIN_TOKEN=${tokens.admin}`,
    `  FEED_TOKEN=${tokens.feed}`,
    "",
  ];
}

function tryLines(url: string, tokens: FirstTokens): readonly string[] {
  const user = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann@example.com","externalId":"00u1ann","active":true}`;
  const leave = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":false}}]}`;
  const json = `-H "content-type: application/scim+json"`;
  return [
    "Try it: a joiner is admitted, then leaves, and the same token is refused.",
    "",
    `  ANN=$(curl -s ${url}/scim/v2/Users -H "authorization: Bearer ${tokens.scim}" ${json} -d '${user}' | grep -o '"id":"[^"]*"' | head -1 | cut -d'"' -f4)`,
    "",
    `  TOKEN=$(curl -s "${url}/dev/token?sub=00u1ann" -H "authorization: Bearer ${tokens.admin}"); curl -i ${url}/authz -H "authorization: Bearer $TOKEN"`,
    "",
    `  curl -s -o /dev/null -X PATCH ${url}/scim/v2/Users/$ANN -H "authorization: Bearer ${tokens.scim}" ${json} -d '${leave}'; sleep 1; curl -i ${url}/authz -H "authorization: Bearer $TOKEN"`,
    "",
  ];
}
