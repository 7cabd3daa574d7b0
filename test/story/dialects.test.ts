import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { commonTolerances, describeDialect } from "@rollcall/core/domain";
import { sql } from "@rollcall/core/store";
import { expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, patch, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse();
const rollcall = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));

test("an admin sees every rule of a connection in words, and what everybody is granted", async () => {
  const tenant = await createTenant(house, { kind: "ping" });
  const { status, body } = await asAdmin(tenant, "GET", "/connections/idp");
  expect(status).toBe(200);
  expect(body["rules"]).toEqual(describeDialect({ kind: "ping", dialect: {} }));
  expect(body["granted"]).toEqual(commonTolerances);
});

test("a rule that an admin sets holds for that connection, is told as the admin's, and can be taken back", async () => {
  const tenant = await createTenant(house, { kind: "entra" });
  const group = await tenant.scim("POST", "/Groups", newGroup("Sales"));
  const path = `/Groups/${group.body["id"] as string}`;
  const join = patch({ op: "add", path: "members", value: [{ value: "e-1" }] });
  expect((await tenant.scim("PATCH", path, join)).status).toBe(204);

  const set = await asAdmin(tenant, "PATCH", "/connections/idp", {
    dialect: { groupPatchAnswer: "200", textJson: "permit" },
  });
  expect(set.body).toMatchObject({ resyncNeeded: false, connection: { dialect: { groupPatchAnswer: "200" } } });
  await until("the rule holds", async () => (await tenant.scim("PATCH", path, join)).status === 200);
  expect((await tenant.scim("PATCH", path, join)).body["members"]).toEqual([{ value: "e-1" }]);

  const back = await asAdmin(tenant, "PATCH", "/connections/idp", { dialect: { groupPatchAnswer: null } });
  const rules = (back.body["connection"] as { rules: { rule: string; choice: string; from: string }[] }).rules;
  expect(rules.filter(({ from }) => from === "admin").map(({ rule }) => rule)).toEqual(["textJson"]);
  await until("the kind's rule holds again", async () => (await tenant.scim("PATCH", path, join)).status === 204);

  const audit = await house.database.once<{ detail: unknown }>(
    tenant.id,
    sql`SELECT detail FROM audit WHERE action = 'connection.update' ORDER BY id`,
  );
  expect(audit.map(({ detail }) => detail)).toEqual([
    { before: { dialect: {} }, after: { dialect: { groupPatchAnswer: "200", textJson: "permit" } } },
    {
      before: { dialect: { groupPatchAnswer: "200", textJson: "permit" } },
      after: { dialect: { textJson: "permit" } },
    },
  ]);
});

test("a connection may be made with rules of its own; a rule or a choice that there is not is refused by name", async () => {
  const tenant = await createTenant(house);
  const made = await asAdmin(tenant, "POST", "/connections", {
    slug: "second",
    kind: "keycloak",
    dialect: { putWithoutMembers: "keep", roleText: null },
  });
  expect([made.status, made.body["dialect"]]).toEqual([201, { putWithoutMembers: "keep" }]);
  for (const [dialect, at] of [
    [{ groupPatchAnswer: "201" }, "dialect.groupPatchAnswer"],
    [{ groupPatchAnswer: 200 }, "dialect.groupPatchAnswer"],
    [{ anything: "refuse" }, "dialect"],
    ["refuse", "dialect"],
  ] as const) {
    const refused = await asAdmin(tenant, "PATCH", "/connections/idp", { dialect });
    expect([refused.status, (refused.body["problems"] as { at: string }[]).map((problem) => problem.at)]).toEqual([
      400,
      [at],
    ]);
  }
  expect((await asAdmin(tenant, "POST", "/connections", { slug: "third", kind: "nobody" })).status).toBe(400);
});

test("the command line sets rules, and shows them in words", async () => {
  const tenant = await createTenant(house, { kind: "okta" });
  const set = ["--dialect", "removeAllMembers=permit", "--dialect", "textJson=refuse", "groupPatchAnswer=kind"];
  expect(await run(tenant, ["connection", "set", "idp", "--kind", "onelogin", ...set])).toMatchObject({ code: 0 });
  const { code, stdout } = await run(tenant, ["connection", "show", "idp"]);
  expect(code).toBe(0);
  for (const { rule, choice, means } of describeDialect({
    kind: "onelogin",
    dialect: { removeAllMembers: "permit" },
  })) {
    expect(stdout).toContain(means);
    expect(stdout).toMatch(
      new RegExp(`^${rule} +${choice} +${rule === "removeAllMembers" || rule === "textJson" ? "admin" : "kind"} `, "m"),
    );
  }
  for (const sentence of commonTolerances) expect(stdout).toContain(`- ${sentence}`);
  expect(await run(tenant, ["connection", "set", "idp", "--dialect", "nonsense"])).toMatchObject({ code: 2 });
});

async function asAdmin(tenant: TestTenant, method: string, path: string, body?: unknown) {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
  const answer = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

async function run(tenant: TestTenant, args: readonly string[]) {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
  // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
  const env = { ...process.env, ROLLCALL_URL: house.url, ROLLCALL_TOKEN: token };
  return new Promise<{ readonly code: number; readonly stdout: string }>((resolve) => {
    execFile(rollcall, ["--tenant", tenant.slug, ...args], { env }, (error, stdout) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout });
    });
  });
}
