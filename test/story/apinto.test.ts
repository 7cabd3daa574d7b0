import { readFile } from "node:fs/promises";
import { afterAll, expect, test } from "vitest";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser } from "../harness/tenant.ts";

// Apinto itself is not run here. This is what its plugin oauth2-introspection sends, and how it reads the answer.
const example = new URL("../../examples/gateways/apinto/oauth2-introspection.json", import.meta.url);
const house = await openHouse({ without: ["worker"] });
const clock = { sec: () => Math.floor(Date.now() / 1_000) };
const issuer = await createIssuer(clock, "RS256");
afterAll(() => issuer.close());

type Config = {
  readonly introspection_endpoint: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly ttl: number;
  readonly scopes: readonly string[];
};

/** The plugin's Go structure: a member of another type, and it answers its own client 500. */
const members = {
  active: "boolean",
  client_id: "string",
  username: "string",
  scope: "string",
  sub: "string",
  aud: "string",
  iss: "string",
  exp: "integer",
  iat: "integer",
  nbf: "integer",
  jti: "string",
} as const;

async function passes(config: Config, token: string): Promise<number> {
  const { client_id, client_secret } = config;
  const response = await fetch(config.introspection_endpoint, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ client_id, client_secret, token }),
  });
  if (response.status !== 200) return 500;
  const answer = (await response.json()) as Record<string, unknown>;
  for (const [name, type] of Object.entries(members)) {
    const value = answer[name];
    const fits = type === "integer" ? Number.isInteger(value) : typeof value === type;
    if (value !== undefined && !fits) return 500;
  }
  const {
    active,
    exp = 0,
    iat = 0,
    scope = "",
  } = answer as { active?: boolean; exp?: number; iat?: number; scope?: string };
  const isIn = active === true && exp >= clock.sec() && iat <= clock.sec();
  return isIn && (config.scopes.length === 0 || config.scopes.includes(scope)) ? 200 : 401;
}

async function story() {
  const tenant = await createTenant(house, { issuer: issuer.origin });
  const { body } = await tenant.scim("POST", "/Users", newUser("ada"));
  const written = JSON.parse(await readFile(example, "utf8")) as Config;
  const config: Config = {
    ...written,
    introspection_endpoint: `${house.url}${new URL(written.introspection_endpoint).pathname}`,
    client_id: tenant.feedToken.split("_")[2] as string,
    client_secret: tenant.feedToken,
  };
  return { tenant, config, id: body["id"] as string };
}

test("a person's token passes, whatever form its claims have", async () => {
  const { config } = await story();
  expect(config.ttl).toBe(1);
  const half = clock.sec() + 300.5;
  for (const claims of [
    {},
    { aud: ["api", "other"] },
    { aud: [] },
    { scp: ["read", "write"] },
    { exp: half, iat: half - 400 },
  ])
    expect(await passes(config, await issuer.mint(claims))).toBe(200);
});

test("a leaver's token is refused, and so is a stranger's", async () => {
  const { tenant, config, id } = await story();
  const token = await issuer.mint();
  expect(await passes(config, await issuer.mint({ sub: "nobody" }))).toBe(401);
  expect(await passes(config, token)).toBe(200);
  await tenant.scim("PATCH", `/Users/${id}`, deactivate);
  expect(await passes(config, token)).toBe(401);
});

test("nobody passes where Rollcall does not know the gateway", async () => {
  const { config } = await story();
  const token = await issuer.mint();
  expect(await passes({ ...config, client_secret: "rc_feed_0123456789abcdef_x" }, token)).toBe(500);
  expect(await passes({ ...config, client_id: "another" }, token)).toBe(500);
});
