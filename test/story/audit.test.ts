import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { readApiDescription, routeName } from "../harness/api-description.ts";
import { openHouse } from "../harness/house.ts";
import { createTiedTwin } from "../harness/tied-twin.ts";
import { matrix } from "./isolation-matrix.ts";

const house = await openHouse({ readBacks: {} });
const twin = await createTiedTwin(house);
const { routes } = await readApiDescription(house);
const operator = await house.credentials.issue({ purpose: "admin", tenantId: undefined, label: "story" });

type Ask = { readonly path: string; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };
type AuditRow = {
  readonly id: number;
  readonly actor: string;
  readonly detail: object | null;
  readonly held: string;
};

const nil = "00000000-0000-0000-0000-000000000000";

/** What has to be there to be changed, where the isolation matrix asks of what has ended already. */
const tenantAsks: Readonly<Record<string, () => Promise<Ask>>> = {
  "POST /v1/admin/tenants/:tenant/resyncs/:id/cancel": async () => {
    const id = crypto.randomUUID();
    await house.database.once(
      twin.id,
      sql`INSERT INTO reconcile_run (id, tenant_id, scope, total) VALUES (${id}, ${twin.id}, 'tenant', 0)`,
    );
    return { path: `/v1/admin/tenants/${twin.slug}/resyncs/${id}/cancel`, body: {} };
  },
};

/** What an operator asks of the house itself. */
const houseAsks: Readonly<Record<string, () => Promise<Ask>>> = {
  "POST /v1/admin/tenants": async () => ({ path: "/v1/admin/tenants", body: { slug: `t-${crypto.randomUUID()}` } }),
  "POST /v1/admin/tokens": async () => ({ path: "/v1/admin/tokens", body: { purpose: "feed" } }),
  "DELETE /v1/admin/tokens/:id": async () => {
    const { id } = await house.credentials.issue({ purpose: "feed", tenantId: undefined, label: "spare" });
    return { path: `/v1/admin/tokens/${id}` };
  },
  "POST /v1/admin/feed/epoch": async () => ({ path: "/v1/admin/feed/epoch", body: {} }),
  "DELETE /v1/admin/gateways/:id": async () => {
    const id = crypto.randomUUID();
    await house.database.once(nil, sql`INSERT INTO gateway (id, tenant_id, name) VALUES (${id}, ${nil}, ${id})`);
    return { path: `/v1/admin/gateways/${id}` };
  },
  "POST /v1/admin/alerts/:id/acknowledge": async () => {
    const id = crypto.randomUUID();
    await house.database.once(
      nil,
      sql`INSERT INTO alert (id, tenant_id, kind, key, detail) VALUES (${id}, ${nil}, 'feed_restored', ${id}, '{}')`,
    );
    return { path: `/v1/admin/alerts/${id}/acknowledge`, body: {} };
  },
};

const unsafe = routes.filter(({ method, operation }) => method !== "GET" && operation["x-rollcall-asks"] !== true);

describe("whatever changes something is in the audit exactly once:", () => {
  test.each(unsafe.map(routeName))("%s", async (name) => {
    const row = matrix[name];
    const isHouse = row?.own === undefined;
    const ask = await (isHouse ? houseAsks[name]?.() : (tenantAsks[name]?.() ?? row.own?.(twin)));
    if (ask === undefined) throw new Error("nobody asks this here: give it an `own` in the isolation matrix");
    const before = await lastAudit();
    const answer = await send(
      name,
      ask,
      isHouse ? operator.token : row.token === undefined ? undefined : twin.adminToken,
    );
    expect(answer.status, answer.text).toBeLessThan(300);
    const written = await auditAfter(before);
    expect(written, JSON.stringify(written)).toHaveLength(1);
    expect(written[0]?.actor).toBe((isHouse ? operator.token : twin.adminToken).split("_")[2]);
    expect(missingIn(name, written[0]?.detail ?? {})).toEqual([]);
    expect(secretsIn(written[0]?.held ?? "", answer.text)).toEqual([]);
  });
});

test("what is refused is in no audit, and so is what only asks", async () => {
  const before = await lastAudit();
  const tenant = `/v1/admin/tenants/${twin.slug}`;
  const viewer = await house.credentials.issue({
    purpose: "admin",
    tenantId: twin.id,
    role: "viewer",
    label: "viewer",
  });
  for (const [name, path, body, token] of [
    ["POST x", `${tenant}/tokens`, { purpose: "feed" }, viewer.token],
    ["POST x", `${tenant}/tokens`, { purpose: "none" }, twin.adminToken],
    ["POST x", `${tenant}/connections`, { slug: "idp" }, twin.adminToken],
    ["DELETE x", `${tenant}/connections/idp`, undefined, twin.adminToken],
    ["POST x", "/v1/admin/login/token", { token: "rc_admin_0000000000000000_x" }, undefined],
    ["GET x", `${tenant}/users`, undefined, viewer.token],
    ["POST x", `${tenant}/connections/idp/test`, {}, twin.adminToken],
  ] as const)
    await send(name, { path, body }, token);
  expect(await auditAfter(before)).toEqual([]);
});

test("whoever changes nothing is in no audit, and another end of a denial is told with the one before it", async () => {
  const tenant = `/v1/admin/tenants/${twin.slug}`;
  const post = (path: string, body: object, method = "POST") =>
    send(`${method} x`, { path: `${tenant}${path}`, body }, twin.adminToken);
  const [subject, session] = [
    { iss: "https://login.twins.test", sub: "nobody yet" },
    { iss: "https://login.twins.test", session: "s-77" },
  ];
  const { userId } = twin;
  await post("/connections/idp", { name: "As it is", pull: { everySec: 3_600 } }, "PATCH");
  for (const target of [subject, session, { userId }]) {
    let before = await lastAudit();
    const turns: (readonly [body: object, written: object | undefined])[] = [
      [{}, { before: { denied: false }, after: { denied: true } }],
      [{}, undefined],
      [
        { expiresInSec: 3_600 },
        {
          before: { denied: true, expiresAt: null },
          after: { denied: true, expiresAt: expect.stringMatching(/^20/) as string },
        },
      ],
    ];
    for (const [body, told] of turns) {
      expect((await post("/revocations", { ...target, ...body })).status).toBe(201);
      const written = await auditAfter(before);
      expect(written.map(({ detail }) => detail)).toEqual(
        told === undefined ? [] : [expect.objectContaining(told) as object],
      );
      before = await lastAudit();
    }
    expect((await post("/revocations/lift", target)).status).toBe(200);
  }
  const before = await lastAudit();
  for (const body of [{}, { name: "As it is" }, { pull: { everySec: 3_600 } }])
    expect((await post("/connections/idp", body, "PATCH")).status).toBe(200);
  expect(await auditAfter(before)).toEqual([]);
  await post("/connections/idp", { name: "Another", subjectClaim: "sub" }, "PATCH");
  expect((await auditAfter(before)).map(({ detail }) => detail)).toEqual([
    { before: { name: "As it is" }, after: { name: "Another" } },
  ]);
});

test("nothing in the audit names a person or tells a secret", async () => {
  const all = (await auditAfter(0)).map(({ held }) => held).join("\n");
  for (const secret of [twin.adminToken, twin.scimToken, twin.feedToken, twin.ssfToken, "whsec_"])
    expect(all).not.toContain(secret);
  expect(all).not.toMatch(/@example\.test/);
});

/** A change tells what was before and after it, an end what was before it. */
function missingIn(name: string, detail: object): readonly string[] {
  const [method = ""] = name.split(" ");
  const needed = { PATCH: ["before", "after"], PUT: ["before", "after"], DELETE: ["before"] }[method] ?? [];
  // What is lifted or untied is told by what it was tied to.
  return /\/(?:links|identities)\b/.test(name) ? [] : needed.filter((part) => !(part in detail));
}

/** Parts of an answer that are told once, and that the audit must not hold. */
function secretsIn(held: string, answer: string): readonly string[] {
  if (!answer.startsWith("{")) return [];
  const { token, secret } = JSON.parse(answer) as { readonly token?: string; readonly secret?: string };
  return [token, secret].filter((one) => one !== undefined && held.includes(one)).map(String);
}

async function send(name: string, { path, body, headers }: Ask, token: string | undefined) {
  const answer = await fetch(`${house.url}${path}`, {
    method: name.split(" ")[0] ?? "",
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

async function lastAudit(): Promise<number> {
  const [row] = await house.database.house<{ last: number }>(sql`SELECT coalesce(max(id), 0) AS last FROM audit`);
  return row?.last ?? 0;
}

async function auditAfter(id: number): Promise<readonly AuditRow[]> {
  return house.database.house<AuditRow>(
    sql`SELECT id, actor, detail, audit::text AS held FROM audit WHERE id > ${id} ORDER BY id`,
  );
}
