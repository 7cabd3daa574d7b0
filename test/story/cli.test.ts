import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { openAlert } from "@rollcall/core/store";
import { openApplication } from "../harness/application.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const bin = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));
const house = await openHouse();
let tenant: TestTenant;
let adminToken: string;

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

function rollcall(args: readonly string[], environment: Record<string, string> = {}): Promise<Ran> {
  // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
  const env = { ...process.env, ROLLCALL_URL: house.url, ROLLCALL_TOKEN: adminToken, ...environment };
  return new Promise((resolve) => {
    execFile(bin, ["--tenant", tenant.slug, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

beforeAll(async () => {
  tenant = await createTenant(house);
  adminToken = (await house.credentials.issue({ purpose: "admin", tenantId: undefined, label: "story" })).token;
  await tenant.scim("POST", "/Users", newUser("00u1"));
  await until("the user is applied", async () => (await rollcall(["--json", "explain", "00u1"])).code === 0);
});

test.each([
  ["tenant", "list"],
  ["tenant", "show"],
  ["connection", "list"],
  ["connection", "schema", "list", "idp"],
  ["token", "list"],
  ["user", "show", "00u1"],
  ["revoke", "list"],
  ["lag"],
  ["lag", "--window", "604800", "--connection", "idp"],
  ["objective", "list"],
  ["objective", "set", "acceptedToApplied", "--ms", "2000"],
  ["alert", "list"],
  ["alert", "list", "--all"],
  ["gateway", "list"],
  ["group", "list"],
  ["event", "list"],
  ["audit", "list"],
  ["audit", "list", "--house"],
  ["gateway", "list", "--house"],
  ["feed", "show"],
  ["feed", "subject-key"],
  ["feed", "new-epoch"],
  ["parked", "list"],
  ["deadletter", "list"],
  ["webhook", "list"],
  ["stream", "list"],
  ["explain", "00u1"],
])("with --json, %s %s answers one document and exit code 0", async (...args) => {
  const { code, stdout, stderr } = await rollcall(["--json", ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(() => JSON.parse(stdout) as unknown).not.toThrow();
});

test("lag is drawn step by step, and what is not known is drawn as not known", async () => {
  await until("it is folded", async () => (await rollcall(["lag"])).stdout.includes("?"));
  const { code, stdout } = await rollcall(["lag"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/occurred → accepted +0 +- +- +- +[1-9]/);
  expect(stdout).toMatch(/accepted → applied +·+[▁▂▃▄▅▆▇█]/);
});

test("an alert is shown and acknowledged by its id, and one that there is not is refused", async () => {
  const id = newId();
  await house.database.inTenant(tenant.id, (transaction) =>
    openAlert(transaction, tenant.id, { id, kind: "mass_change_braked", key: "one", detail: { would: 7 } }),
  );
  expect((await rollcall(["alert", "show", id])).stdout).toContain('{"would":7}');
  expect((await rollcall(["alert", "acknowledge", id, "--note", "it was us"])).stdout).toContain("seen");
  expect((await rollcall(["alert", "show", id])).stdout).toContain("it was us");
  expect(await rollcall(["alert", "acknowledge", newId()])).toMatchObject({ code: 1 });
});

test("users are made from tokens when an admin says so, by the claims that they name, and until they say no", async () => {
  const set = (...args: readonly string[]) => rollcall(["--json", "connection", "set", "idp", ...args]);
  const settings = ({ stdout }: Ran): unknown =>
    (JSON.parse(stdout) as { connection: { justInTime?: unknown } }).connection.justInTime;
  const given = ["--fill", "userName=upn", "emails[primary]=email", "--require", "emails[primary]"];
  const on = await set("--provision", ...given, "--match", "tid=acme", "--service", "sub=job-*", "idtyp=app");
  expect(settings(on)).toEqual({
    enabled: true,
    claims: { userName: "upn", "emails[primary]": "email" },
    required: ["emails[primary]"],
    match: { tid: "acme" },
    services: [
      { claim: "sub", prefix: "job-" },
      { claim: "idtyp", equals: "app" },
    ],
  });
  expect((await rollcall(["connection", "show", "idp"])).stdout).toContain("yes: userName=upn");
  expect(settings(await set("--any-token"))).toMatchObject({ enabled: true, match: {} });
  expect(settings(await set("--no-provision"))).toMatchObject({ enabled: false, claims: { userName: "upn" } });
  expect(settings(await set("--name", "IdP"))).toMatchObject({ enabled: false });
  expect(await set("--fill", "email")).toMatchObject({ code: 2 });
  expect(await set("--provision", "--rule", "direct")).toMatchObject({ code: 1 });
});

test("a schema of a connection's own is added, replaced and removed by its file, and everything wrong with one is said", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-cli-"));
  const file = path.join(directory, "acme.json");
  const schema = (...args: readonly string[]) => rollcall(["connection", "schema", ...args]);
  const badge = { name: "badge", type: "string" };
  try {
    await writeFile(file, JSON.stringify({ id: "urn:acme:User", name: "Acme", attributes: [badge] }));
    const added = await schema("add", "idp", file, "--for", "User");
    expect(added).toMatchObject({ code: 0, stderr: "" });
    expect(added.stdout).toContain("badge");
    expect(await schema("add", "idp", file)).toMatchObject({ code: 1 });
    await writeFile(
      file,
      JSON.stringify({ id: "urn:acme:User", name: "Acme", attributes: [badge, { ...badge, name: "level" }] }),
    );
    expect((await schema("replace", "idp", file)).code).toBe(0);
    expect((await schema("show", "idp", "urn:acme:User")).stdout).toContain("level");
    await writeFile(file, JSON.stringify({ id: "acme", name: "Acme", attributes: [{ name: "1", type: "text" }] }));
    const { code, stderr } = await schema("add", "idp", file);
    expect(code).toBe(1);
    for (const place of ["schema.id", "schema.attributes[0].name", "schema.attributes[0].type"])
      expect(stderr).toContain(place);
    await writeFile(file, "{");
    expect(await schema("add", "idp", file)).toMatchObject({ code: 2 });
    expect(await schema("remove", "idp", "urn:acme:User")).toMatchObject({ code: 0 });
    expect(await schema("remove", "idp", "urn:acme:User")).toMatchObject({ code: 1 });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("a connection is tested, paused, resumed and ended, and the audit says by whom", async () => {
  const connection = (...args: readonly string[]) => rollcall(["connection", ...args]);
  expect((await connection("create", "spare")).code).toBe(0);
  const tested = await connection("test", "spare");
  expect(tested).toMatchObject({ code: 1, stderr: "" });
  expect(tested.stdout).toContain("issue a SCIM token");
  expect((await connection("pause", "spare", "--note", "moving")).stdout).toContain("spare is paused");
  expect((await connection("resume", "spare")).stdout).toContain("takes everything");
  expect((await connection("remove", "spare")).stdout).toContain("0 users are denied");
  expect(await connection("show", "spare")).toMatchObject({ code: 1 });
  const { stdout } = await rollcall(["audit", "list", "--action", "connection.pause"]);
  expect(stdout).toContain("story");
  expect(stdout).toContain(`{"paused":false} → {"paused":true} {"note":"moving"}`);
});

test("groups and events are listed page by page and shown one by one", async () => {
  const list = await rollcall(["--json", "event", "list", "--limit", "1"]);
  const { items } = JSON.parse(list.stdout) as { items: { id: number }[] };
  const shown = await rollcall(["event", "show", String(items[0]?.id)]);
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout).toContain("applied");
  expect(await rollcall(["event", "show", "999999999"])).toMatchObject({ code: 1 });
  expect(await rollcall(["group", "show", "none"])).toMatchObject({ code: 1 });
});

test("a token for an admin is issued with a role", async () => {
  expect((await rollcall(["token", "issue", "admin", "--role", "viewer", "--label", "looks"])).code).toBe(0);
  expect((await rollcall(["token", "list"])).stdout).toContain("admin (viewer)");
  expect(await rollcall(["token", "issue", "admin", "--role", "root"])).toMatchObject({ code: 2 });
});

test("a resync brings every user to what the directory says, and says when it is done", async () => {
  const { code, stdout } = await rollcall(["--json", "resync", "tenant"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ total: 1 });
});

test("a suspended user is explained with exit code 1, and no other command fails", async () => {
  expect((await rollcall(["user", "suspend", "00u1", "--note", "under review"])).code).toBe(0);
  const { code, stdout } = await rollcall(["--json", "explain", "00u1"]);
  expect(code).toBe(1);
  expect(JSON.stringify(JSON.parse(stdout))).toContain("admin_suspended");
  expect((await rollcall(["user", "unsuspend", "00u1"])).code).toBe(0);
  await until("the user is well again", async () => (await rollcall(["--json", "explain", "00u1"])).code === 0);
});

test("wrong usage is exit code 2, an unreachable service 3, a refusal 1, each with what to do", async () => {
  expect(await rollcall(["resync", "everything"])).toMatchObject({ code: 2 });
  const away = await rollcall(["lag"], { ROLLCALL_URL: "http://127.0.0.1:9" });
  expect(away.code).toBe(3);
  expect(away.stderr).toContain("npm start");
  expect(await rollcall(["tenant", "create", tenant.slug])).toMatchObject({ code: 1 });
  expect(await rollcall(["user", "show", "nobody"])).toMatchObject({ code: 1 });
});

test("a token to explain is never shown back", async () => {
  const secret = `eyJhbGciOiJub25lIn0.${Buffer.from('{"sub":"00u1"}').toString("base64url")}.c2lnbmF0dXJl`;
  const { stdout } = await rollcall(["--json", "explain", secret]);
  expect(stdout).not.toContain(secret.split(".")[1]);
});

test("an application is told by webhook from its command on, and told again when an admin says so", async () => {
  const application = await openApplication();
  const json = async <Answer>(...args: readonly string[]): Promise<Answer> => {
    const { code, stdout, stderr } = await rollcall(["--json", ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout) as Answer;
  };
  type Log = { readonly items: readonly { readonly id: string; readonly state: string }[] };
  const { id, secret } = await json<{ id: string; secret: string }>(
    "webhook",
    "add",
    `${application.url}/hook`,
    "--event",
    "user.denied",
  );
  await tenant.scim("POST", "/Users", newUser("leaver", { active: false }));
  await until("it is told", () => application.received.length === 1);
  await until(
    "it is settled",
    async () => (await json<Log>("webhook", "deliveries", id)).items[0]?.state === "delivered",
  );
  const { items } = await json<Log>("webhook", "deliveries", id);
  expect(await json("webhook", "replay", id, "--delivery", items[0]?.id ?? "")).toEqual({ replayed: 1 });
  await until("it is told again", () => application.received.length === 2);
  expect((await json<{ secret: string }>("webhook", "rotate", id)).secret).not.toBe(secret);
  expect(await json("webhook", "set", id, "--status", "paused")).toMatchObject({ status: "paused" });
  expect((await rollcall(["webhook", "replay", id])).code).toBe(2);
  expect((await rollcall(["webhook", "add", "http://example.com/"])).code).toBe(1);
  await json("webhook", "remove", id);
  expect((await json<{ items: readonly unknown[] }>("webhook", "list")).items).toEqual([]);
  const issued = await json<{ token: string }>("token", "issue", "ssf", "--receiver", "crm", "--scope", "ssf.read");
  expect(issued.token).toMatch(/^rc_ssf_/);
});
