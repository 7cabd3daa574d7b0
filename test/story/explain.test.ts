import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { describe, expect, test } from "vitest";
import { annSub, openExplain } from "../harness/explain-scene.ts";
import { adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { deactivate, newUser, patch } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const hourAgo = (): string => new Date(Date.now() - 3_600_000).toISOString();

describe("who is asked about by", () => {
  test("an e-mail address is found by it, and answered by what their token says", async () => {
    const scene = await openExplain(house);
    const emails = [{ value: "Bob@Work.example", primary: true }];
    await scene.tenant.scim("POST", "/Users", newUser("00u2bob", { emails }));
    await untilQuiet(house, scene.tenant.id);
    const { body } = await scene.ask({ email: "bob@work.EXAMPLE" });
    expect(body.verdict.code).toBe("ok");
    expect(body.steps[0]?.evidence).toMatch(/^"00u2bob" is the subject of user /);
    expect((await scene.ask({ email: "ann@example.test" })).body.steps[0]?.evidence).toContain(`"${annSub}"`);
    expect((await scene.ask({ email: "nobody@example.test" })).body.verdict.code).toBe("never_provisioned");
  });

  test("an e-mail address that is their subject no more is told what they are called now", async () => {
    const scene = await openExplain(house, { subjectAttribute: "userName" });
    const renamed = patch({ op: "replace", path: "userName", value: "ann.new@example.test" });
    await scene.tenant.scim("PATCH", `/Users/${scene.annId}`, renamed);
    await untilQuiet(house, scene.tenant.id);
    const { body } = await scene.ask({ email: "ann@example.test" });
    expect(body.verdict.code).toBe("subject_email_changed");
    expect((await scene.ask({ email: "ann.new@example.test" })).body.verdict.code).toBe("ok");
  });

  test("a request's id is answered for the one whom the gateway refused, with what it said", async () => {
    const scene = await openExplain(house);
    await scene.tenant.scim("PATCH", `/Users/${scene.annId}`, deactivate);
    await untilQuiet(house, scene.tenant.id);
    const requestId = await scene.refuse("revoked", { sub: annSub });
    const { body } = await scene.ask({ requestId });
    expect(body.verdict.code).toBe("user_inactive");
    expect(body.refusal).toMatchObject({
      requestId,
      gateway: "edge-1",
      reason: "revoked",
      sub: annSub,
      userId: scene.annId,
    });
    // The reason of a token is the cause, whoever bears it.
    const expired = await scene.ask({ requestId: await scene.refuse("token_expired", { sub: annSub }) });
    expect(expired.body.verdict.code).toBe("token_expired");
    expect(expired.body.causes.map(({ code }) => code)).toContain("user_inactive");
    const blind = await scene.ask({ requestId: await scene.refuse("feed_stale", { sub: annSub }) });
    expect(blind.body.verdict.code).toBe("gateway_stale");
    const lacking = await scene.refuse("claims_missing", { sub: "00u7", claims: ["email"] });
    const told = (await scene.ask({ requestId: lacking })).body;
    expect([told.verdict.code, told.steps.find(({ code }) => code === "claims_missing")?.evidence]).toEqual([
      "claims_missing",
      "missing claims: email",
    ]);
    expect((await scene.ask({ requestId: "unheard-of" })).status).toBe(404);
  });

  test("a time is told which reasons there were, of how many subjects, and what most of them have in common", async () => {
    const scene = await openExplain(house);
    await scene.tenant.scim("PATCH", `/Users/${scene.annId}`, deactivate);
    await untilQuiet(house, scene.tenant.id);
    for (let times = 0; times < 3; times += 1) await scene.refuse("revoked", { sub: annSub });
    for (const sub of ["00u7", "00u8"]) await scene.refuse("subject_unknown", { sub });
    await scene.refuse("token_missing", { gateway: "edge-2" });
    const { body } = await scene.ask({ from: hourAgo() });
    expect(body.refusals).toMatchObject({
      total: 6,
      subjects: 3,
      gateways: ["edge-1", "edge-2"],
      reasons: [
        { reason: "revoked", count: 3 },
        { reason: "subject_unknown", count: 2 },
        { reason: "token_missing", count: 1 },
      ],
    });
    expect(body.causes.map(({ code, count }) => [code, count])).toEqual([
      ["user_inactive", 3],
      ["never_provisioned", 2],
      ["token_missing", 1],
    ]);
    expect(body.verdict.code).toBe("user_inactive");
    expect(body.steps.find(({ code }) => code === "user_inactive")?.evidence).toContain("is inactive since");
    const before = await scene.ask({ from: hourAgo(), to: new Date(Date.now() - 1_800_000).toISOString() });
    expect([before.body.verdict.code, before.body.refusals?.["total"]]).toEqual(["nothing_refused", 0]);
    for (const span of [
      { from: "now" },
      { from: hourAgo(), to: "2020-01-01T00:00:00Z" },
      { from: "2020-01-01T00:00:00Z" },
    ])
      expect((await scene.ask(span)).status).toBe(400);
  });

  test("a few seconds are told of what was refused in them, and not of the rest of their minute", async () => {
    const scene = await openExplain(house);
    const minuteMs = Math.floor(Date.now() / 60_000) * 60_000 - 120_000;
    const at = (sec: number): Date => new Date(minuteMs + sec * 1_000);
    for (let times = 0; times < 5; times += 1) await scene.refuse("token_expired", { at: at(5) });
    await scene.refuse("audience_wrong", { at: at(40) });
    const { body } = await scene.ask({ line: `10.0.0.7 - [${at(40).toISOString()}] "GET /orders HTTP/1.1" 401 0` });
    expect(body.refusals).toMatchObject({ total: 1, reasons: [{ reason: "audience_wrong", count: 1 }] });
    expect([body.verdict.code, body.causes.map(({ code }) => code)]).toEqual(["audience_wrong", ["audience_wrong"]]);
    const whole = await scene.ask({ from: at(0).toISOString(), to: at(60).toISOString() });
    expect([whole.body.verdict.code, whole.body.refusals?.["total"]]).toEqual(["token_expired", 6]);
    const none = await scene.ask({ from: at(10).toISOString(), to: at(30).toISOString() });
    expect([none.body.verdict.code, none.body.refusals]).toMatchObject(["nothing_refused", { total: 0, reasons: [] }]);
  });

  test("a line of a log that names nothing else is answered by its time", async () => {
    const scene = await openExplain(house);
    await scene.refuse("subject_unknown", { sub: "00u7" });
    const line = `{"at":"${new Date().toISOString()}","path":"/orders","status":401}`;
    // What the client asked for is the client's word, and no gateway's.
    const [day, month, year, time] = new Date().toUTCString().split(" ").slice(1);
    const access = `::1 - - [${day}/${month}/${year}:${time} +0000] "GET /?reason=token_expired&sub=eve HTTP/1.1" 401 179`;
    for (const one of [line, access]) {
      const { body } = await scene.ask({ line: one });
      expect([body.verdict.code, body.refusals?.["total"]]).toEqual(["never_provisioned", 1]);
    }
    expect((await scene.ask({ line: "no such thing" })).status).toBe(400);
  });

  test("a line that holds a token is answered as the token is", async () => {
    const scene = await openExplain(house);
    const line = `GET /orders 401 authorization="Bearer ${await scene.mint({ exp: 1 })}"`;
    expect((await scene.ask({ line })).body.verdict.code).toBe("token_expired");
  });

  test("a connection that an alert calls silent is told so, and that decides where nobody ever came", async () => {
    const scene = await openExplain(house);
    const { id, connectionId } = scene.tenant;
    const silent = { id: newId(), kind: "connection_silent", key: connectionId } as const;
    await house.database.once(
      id,
      sql`INSERT INTO alert (id, tenant_id, kind, key, detail) VALUES (${silent.id}, ${id}, ${silent.kind}, ${silent.key}, '{}')`,
    );
    expect((await scene.ask({ sub: "00u7" })).body.verdict.code).toBe("connection_silent");
    // Who is known is in step all the same.
    const { body } = await scene.ask({ sub: annSub });
    expect([body.verdict.code, body.causes.map(({ code }) => code)]).toEqual(["ok", ["connection_silent"]]);
  });
});

test("what a comparison found to differ is told, until it is healed", async () => {
  const scene = await openExplain(house);
  const { tenant, admin, annId } = scene;
  await house.database.once(tenant.id, sql`UPDATE app_user SET user_name = 'somebody else'`);
  const resync = async (dryRun: boolean): Promise<void> => {
    const { body } = await admin("POST", `/tenants/${tenant.slug}/resyncs`, { scope: "user", userId: annId, dryRun });
    await until("the run has ended", async () => {
      const run = await admin("GET", `/tenants/${tenant.slug}/resyncs/${String(body["id"])}`);
      return run.body["finishedAt"] !== undefined;
    });
  };
  expect((await scene.ask({ sub: annSub })).body.verdict.code).toBe("ok");
  await resync(true);
  const { body } = await scene.ask({ sub: annSub });
  expect(body.verdict.code).toBe("drift");
  expect(body.steps.find(({ code }) => code === "drift")?.evidence).toMatch(
    /^the comparison of 20.* found stale_attribute/,
  );
  await resync(false);
  await untilQuiet(house, tenant.id);
  expect((await scene.ask({ sub: annSub })).body.verdict.code).toBe("ok");
});

test("whoever denied somebody is named for it, and not whoever struck their tokens later", async () => {
  const scene = await openExplain(house);
  const [denier, other] = [await adminOf(house, scene.tenant), await adminOf(house, scene.tenant)];
  const eve = { iss: scene.issuer.origin, sub: "eve" };
  const path = `/tenants/${scene.tenant.slug}/revocations`;
  expect((await denier("POST", path, eve)).status).toBe(201);
  expect((await other("POST", path, { ...eve, kind: "nbf" })).status).toBe(201);
  const { body } = await scene.ask(eve);
  const actor = (await denier("GET", "/me")).body["actor"] as string;
  expect(body.steps.find(({ code }) => code === "revoked")?.evidence).toContain(`by credential ${actor}`);
});
