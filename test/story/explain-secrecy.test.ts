import { consoleRoutes } from "@rollcall/console";
import { createOutward, createServer, createShutdown, newId } from "@rollcall/core/runtime";
import { createDrain } from "@rollcall/worker";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { annSub, askExplain, type ExplainScene, openExplain } from "../harness/explain-scene.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { newUser } from "../harness/tenant.ts";
import { applyAll, untilQuiet } from "../harness/user-store.ts";

/** What must not happen when somebody asks why. */
const house = await openHouse();
/** Here nobody does anything but who is asked. */
const idle = await openHouse({ without: ["worker", "publisher", "resyncs"] });
const drain = createDrain({ database: idle.database, log: quietLog, newId });
const owner = new Client({ connectionString: idle.databaseUrl });
await owner.connect();
afterAll(() => owner.end());

const hourAgo = (): string => new Date(Date.now() - 3_600_000).toISOString();

test("a tenant's admin learns nothing of another tenant, whatever is asked and however", async () => {
  const [mine, theirs] = [await openExplain(house), await openExplain(house)];
  const secret = `00u${theirs.tenant.slug}`;
  await theirs.tenant.scim("POST", "/Users", newUser(secret, { userName: `${secret}@example.test` }));
  await untilQuiet(house, theirs.tenant.id);
  const requestId = await theirs.refuse("subject_unknown", { sub: secret, gateway: `gw-${theirs.tenant.slug}` });
  const told = async (question: object) => {
    const { status, body } = await askExplain(house, mine.tenant, question);
    const text = JSON.stringify({ ...body, request_id: undefined });
    // When a connection was last heard is noted behind its requests, so also between two questions.
    return { status, text: text.replaceAll(/\S+Z \([\d.]+ (?:s|min) ago\)/g, "") };
  };
  const line = (id: string): string =>
    JSON.stringify({ reqId: id, reason: "subject_unknown", iss: theirs.issuer.origin });
  for (const [question, nobodys] of [
    [{ sub: secret }, { sub: `${secret}x` }],
    [{ email: `${secret}@example.test` }, { email: `${secret}x@example.test` }],
    [{ requestId }, { requestId: `${requestId}x` }],
    [{ line: line(requestId) }, { line: line(`${requestId}x`) }],
    [{ token: await theirs.mint({ sub: secret }) }, { token: await theirs.mint({ sub: `${secret}x` }) }],
  ] as const) {
    const [own, other] = [await told(question), await told(nobodys)];
    expect({ ...own, text: own.text.replaceAll(secret, "…") }).toEqual({
      ...other,
      text: other.text.replaceAll(`${secret}x`, "…"),
    });
    for (const word of [theirs.tenant.id, theirs.tenant.connectionId, theirs.annId, `gw-${theirs.tenant.slug}`])
      expect(own.text).not.toContain(word);
    expect((await told({ ...question, tenant: theirs.tenant.slug })).status).toBe(404);
  }
  const { body } = await askExplain(house, mine.tenant, { from: hourAgo() });
  expect(body.refusals).toMatchObject({ total: 0, gateways: [] });
  expect((await askExplain(house, mine.tenant, { from: hourAgo(), tenant: theirs.tenant.slug })).status).toBe(404);
  const listed = await mine.admin("GET", `/tenants/${mine.tenant.slug}/refusals`);
  expect(listed.body).toEqual({ items: [] });
  expect((await mine.admin("GET", `/tenants/${theirs.tenant.slug}/refusals`)).status).toBe(404);
  expect((await mine.admin("GET", "/refusals")).status).toBe(404);
});

test("explaining changes nothing: not one row is other than before", async () => {
  const scene = await openExplain(idle);
  await applyAll(drain);
  await scene.set({ justInTime: { enabled: true } });
  const requestId = await scene.refuse("subject_unknown", { sub: "00u7" });
  const questions = await everyQuestion(scene, requestId);
  await scene.ask({ sub: annSub });
  const before = await rowsOf(scene);
  for (const question of questions) expect((await scene.ask(question)).status).toBe(200);
  expect(await rowsOf(scene)).toEqual(before);
});

test("a token is never stored, never logged and never shown back, nor is what it says in secret", async () => {
  const canary = "canary-5f3c9e";
  const scene = await openExplain(idle);
  await applyAll(drain);
  const { url, lines, token: admin } = await loggingConsole(scene);
  const token = await scene.mint({ sub: "00u7", secret: canary, nonce: canary });
  const forged = `${token.slice(0, -10)}AAAAAAAAAA`;
  const marks = [canary, ...token.split("."), Buffer.from(canary).toString("base64url").slice(2, -2)];
  const bodies = [
    { token },
    { token: forged },
    { token: `${token} ` },
    { token: `Bearer ${token}` },
    { token: `${token}.x.y` },
    { token, more: token },
    { tokn: token },
    { line: `GET / 401 authorization: Bearer ${token}` },
    { line: JSON.stringify({ reqId: token, reason: "revoked", iss: token, sub: token }) },
    { requestId: token.slice(0, 100) },
    { email: token.slice(0, 300) },
    { from: token },
    token,
  ];
  const answers: string[] = [];
  for (const body of bodies) {
    const answer = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${admin}`, "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    answers.push(`${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`);
  }
  expect(answers.filter((answer) => answer.startsWith("200 ")).length).toBeGreaterThan(5);
  const rows = await everyRow();
  expect(rows.length).toBeGreaterThan(10);
  expect(lines.length).toBeGreaterThan(bodies.length - 1);
  for (const mark of marks) {
    // What is asked about as a subject is told as one; a token that is none is not.
    expect(answers.filter((answer) => answer.includes(mark))).toEqual([]);
    expect(lines.filter((line) => line.includes(mark))).toEqual([]);
    expect(rows.filter((row) => row.includes(mark))).toEqual([]);
  }
});

async function everyQuestion({ mint, issuer }: ExplainScene, requestId: string): Promise<readonly object[]> {
  return [
    { token: await mint() },
    { token: await mint({ sub: "00u9", preferred_username: "nine" }) },
    { token: "abc" },
    { sub: annSub },
    { sub: "00u8", iss: issuer.origin },
    { email: "ann@example.test" },
    { requestId },
    { line: JSON.stringify({ reqId: requestId, reason: "subject_unknown" }) },
    { from: hourAgo() },
  ];
}

/** The console with a log that redacts nothing. */
async function loggingConsole({ tenant }: ExplainScene) {
  const lines: string[] = [];
  const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
  const app = createServer(log, { ready: async () => true }, createShutdown(log, 1_000));
  const { database, credentials } = idle;
  const outward = createOutward({ loopback: true });
  await app.register(
    consoleRoutes({
      database,
      credentials,
      wake: () => undefined,
      newId,
      publicUrl: "https://rollcall.test",
      outward,
      asking: outward,
      staleSecMax: 30,
      now: Date.now,
    }),
  );
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => app.close());
  const { token } = await credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
  return { url: `${origin}/v1/explain`, lines, token };
}

/** A digest of every row of a tenant, by table. Credentials note when they were used last. */
async function rowsOf({ tenant }: ExplainScene): Promise<unknown> {
  const { rows: tables } = await owner.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant_id' AND table_name <> 'credential' ORDER BY 1",
  );
  const digests = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, count(*) AS count, md5(coalesce(string_agg(held::text, '|' ORDER BY held::text), '')) AS digest FROM "${name}" AS held WHERE tenant_id = $1`,
  );
  return (await owner.query(digests.join(" UNION ALL "), [tenant.id])).rows;
}

/** Every row of every table as text. */
async function everyRow(): Promise<readonly string[]> {
  const { rows: tables } = await owner.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await owner.query<{ held: string }>(`SELECT held::text FROM "${name}" AS held`);
    found.push(...rows.map(({ held }) => held));
  }
  return found;
}
