import { createHmac, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { addSource, type HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { secondsOf } from "../harness/security-events.ts";
import { openIssuer, tokenOf } from "../harness/signing-issuer.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const provider = await openIssuer("RS256");
const now = (): number => secondsOf(new Date());

describe("a provider that has a user's tokens die", () => {
  test("is answered 204 with nothing, and every token that was issued until now is dead; nobody is denied", async () => {
    const { tenant, source, ann } = await scene();
    const before = now();
    const answer = await ask(source, { sub_id: ann });
    expect([answer.status, await answer.text()]).toEqual([204, ""]);
    await untilQuiet(house, tenant.id);
    const [entry, ...others] = await entriesOf(tenant);
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ scope: "sub", iss: tenant.issuer, sub: "ann", deny: false, reason: "session_ended" });
    expect(entry?.nbf).toBeGreaterThan(before);
    expect((await tenant.scim("GET", "/Users")).body["Resources"]).toMatchObject([{ active: true }]);
  });

  test("names the user as the drafts let it, `subject` too", async () => {
    for (const body of [
      { sub_id: { format: "email", email: "ann@example.test" } },
      { subject: { format: "email", email: "ann@example.test" } },
      { sub_id: { format: "opaque", id: "ann" } },
    ]) {
      const { tenant, source } = await scene();
      expect((await ask(source, body)).status).toBe(204);
      expect((await entriesOf(tenant)).map(({ sub }) => sub)).toEqual(["ann"]);
    }
  });

  test("may ask again, for a lost answer or for tokens since then", async () => {
    const { tenant, source, ann } = await scene();
    const bearer = await bearerOf(source);
    for (let time = 0; time < 3; time += 1) expect((await ask(source, { sub_id: ann }, bearer)).status).toBe(204);
    const [first] = await entriesOf(tenant);
    const events = await house.database.once(tenant.id, sql`SELECT outcome FROM source_event`);
    expect(events).toEqual([{ outcome: "sessions_ended" }]);
    await until("a later second has come", () => now() >= (first?.nbf ?? 0));
    expect((await ask(source, { sub_id: ann }, bearer)).status).toBe(204);
    expect((await entriesOf(tenant))[0]?.nbf).toBe(first?.nbf);
    expect((await ask(source, { sub_id: ann })).status).toBe(204);
    expect((await entriesOf(tenant))[0]?.nbf).toBeGreaterThan(first?.nbf ?? 0);
  });

  test("is told 404 of somebody whom nobody knows, and a token of theirs is dead all the same", async () => {
    const { tenant, source } = await scene();
    const answer = await ask(source, { sub_id: { format: "iss_sub", iss: tenant.issuer, sub: "stranger" } });
    expect(answer.status).toBe(404);
    expect((await entriesOf(tenant)).map(({ sub }) => sub)).toEqual(["stranger"]);
  });
});

describe("a request that is refused changes nothing:", () => {
  test("400 where it names nobody, in no format that is known, or is no JSON", async () => {
    const { tenant, source } = await scene();
    for (const body of [
      {},
      { sub_id: {} },
      { sub_id: "ann" },
      { sub_id: { format: "unheard-of", id: "ann" } },
      { sub_id: { format: "complex", tenant: { format: "opaque", id: "acme" } } },
      { sub_id: { format: "complex", session: { format: "opaque", id: "s-1" } } },
      { sub_id: { format: "iss_sub", iss: tenant.issuer } },
    ])
      expect((await ask(source, body)).status, JSON.stringify(body)).toBe(400);
    const text = await fetch(source.url, { method: "POST", headers: await headersOf(source), body: "{" });
    expect(text.status).toBe(400);
    expect(await entriesOf(tenant)).toEqual([]);
  });

  test("401 where it is not the provider's, not for this address, over, without a jti, or of another type", async () => {
    const { tenant, source, ann } = await scene();
    const other = await addSource(house, tenant, "token_revocation", { issuer: provider.issuer });
    const forger = await openIssuer("RS256");
    const hmac = tokenOf({ alg: "HS256", kid: provider.kid(), typ: "JWT" }, await claimsOf(source), (signed) =>
      createHmac("sha256", JSON.stringify(provider.published[0])).update(signed).digest(),
    );
    const bearers = [
      undefined,
      "",
      "abc",
      hmac,
      tokenOf({ alg: "none", typ: "JWT" }, await claimsOf(source), () => Buffer.alloc(0)),
      await bearerOf(other),
      await bearerOf(source, { iss: "https://other.test" }),
      await bearerOf(source, { aud: "https://rollcall.test" }),
      await bearerOf(source, { exp: now() - 3_600 }),
      await bearerOf(source, { exp: undefined }),
      await bearerOf(source, { iat: now() + 3_600 }),
      await bearerOf(source, { jti: undefined }),
      await bearerOf(source, {}, { typ: "at+jwt" }),
      await bearerOf(source, {}, { typ: "logout+jwt" }),
      await bearerOf(source, {}, { typ: "secevent+jwt" }),
      await forger.sign(await claimsOf(source), { typ: "JWT", kid: provider.kid() }),
    ];
    for (const [place, bearer] of bearers.entries())
      expect((await ask(source, { sub_id: ann }, bearer)).status, `${place}`).toBe(401);
    expect(await entriesOf(tenant)).toEqual([]);
  });

  test("401 where somebody puts another user to a request that was seen", async () => {
    const { tenant, source, ann } = await scene();
    const bearer = await bearerOf(source);
    expect((await ask(source, { sub_id: ann }, bearer)).status).toBe(204);
    expect((await ask(source, { sub_id: { format: "opaque", id: "bob" } }, bearer)).status).toBe(401);
    expect((await entriesOf(tenant)).map(({ sub }) => sub)).toEqual(["ann"]);
  });

  test("403 where the user is another issuer's", async () => {
    const { tenant, source } = await scene();
    const answer = await ask(source, { sub_id: { format: "iss_sub", iss: "https://other.test", sub: "ann" } });
    expect(answer.status).toBe(403);
    expect(await entriesOf(tenant)).toEqual([]);
  });

  test("404 where it is no POST", async () => {
    const { source } = await scene();
    expect((await fetch(source.url, { headers: await headersOf(source) })).status).toBe(404);
  });
});

async function scene() {
  const tenant = await createTenant(house);
  await tenant.scim("POST", "/Users", newUser("ann", { emails: [{ value: "ann@example.test" }] }));
  await untilQuiet(house, tenant.id);
  const source = await addSource(house, tenant, "token_revocation", { issuer: provider.issuer });
  return { tenant, source, ann: { format: "iss_sub", iss: tenant.issuer, sub: "ann" } };
}

async function claimsOf(source: HookSource, more: object = {}) {
  const aud = `https://rollcall.test/hooks/${source.id}`;
  return { iss: provider.issuer, aud, jti: randomUUID(), iat: now(), exp: now() + 300, ...more };
}

async function bearerOf(source: HookSource, claims: object = {}, header: object = {}): Promise<string> {
  return provider.sign(await claimsOf(source, claims), { typ: "global-token-revocation+jwt", ...header });
}

async function headersOf(source: HookSource, bearer?: string): Promise<Record<string, string>> {
  return { "content-type": "application/json", authorization: `Bearer ${bearer ?? (await bearerOf(source))}` };
}

async function ask(source: HookSource, body: unknown, ...given: readonly (string | undefined)[]): Promise<Response> {
  const headers =
    given.length === 1 && given[0] === undefined
      ? { "content-type": "application/json" }
      : await headersOf(source, given[0]);
  return fetch(source.url, { method: "POST", headers, body: JSON.stringify(body) });
}

async function entriesOf(tenant: TestTenant) {
  const rows = await house.database.once<
    Record<"scope" | "iss" | "sub" | "reason", string> & { deny: boolean; nbf: number }
  >(
    tenant.id,
    sql`SELECT scope, iss, sub, deny, nbf, reason FROM revocation WHERE deny OR nbf IS NOT NULL ORDER BY sub`,
  );
  return rows.map((row) => ({ ...row, nbf: Number(row.nbf) }));
}
