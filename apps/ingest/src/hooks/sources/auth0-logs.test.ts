import { describe, expect, test } from "vitest";
import { hear, noTools, requestOf, sourceOf } from "../testing/hook-request.ts";
import { auth0Logs } from "./auth0-logs.ts";

const source = sourceOf("auth0_logs");
const date = "2026-01-02T03:04:05.678Z";

function entry(data: object, log_id = "l-1"): object {
  return { log_id, data: { date, user_id: "auth0|ann", ...data } };
}

function heard(body: unknown) {
  return hear(auth0Logs, requestOf(body, { authorization: "present" }), source);
}

function api(method: string, path: string, body: unknown = {}, statusCode = 200, answered: unknown = {}): object {
  const details = { request: { method, path, body }, response: { statusCode, body: answered } };
  return entry({ type: "sapi", user_id: "auth0|admin", details });
}

describe("what the log tells of a user", () => {
  test.each([
    ["sdu", "deleted"],
    ["du", "deleted"],
    ["ss", "created"],
    ["sce", "changed"],
    ["scu", "changed"],
    ["scpn", "changed"],
  ])("%s is %s", async (type, kind) => {
    expect((await heard([entry({ type })])).events).toEqual([
      { id: "l-1", kind, subject: { id: "auth0|ann" }, occurredAt: new Date(date) },
    ]);
  });

  test.each(["limit_wc", "limit_mu", "fdu", "fapi", "s", "slo", "constructor"])("%s is nothing", async (type) => {
    expect(await heard([entry({ type })])).toEqual({ events: [], leftOut: ["ignored l-1"] });
  });
});

describe("what was asked of the Management API", () => {
  const ann = "/api/v2/users/auth0%7Cann";

  test.each([
    ["a deletion", api("delete", ann, {}, 204), "deleted"],
    ["a block", api("patch", ann, { blocked: true }), "disabled"],
    ["a block in another form", api("PATCH", "/api/v2/users/auth0|ann?x=1", { blocked: "true" }), "disabled"],
    ["an unblock", api("patch", ann, { blocked: false }), "enabled"],
    ["another change", api("patch", ann, { name: "Ann" }), "changed"],
    ["a change that is not shown", api("patch", ann, null), "changed"],
    ["a role", api("post", `${ann}/roles`), "changed"],
    ["the end of sessions", api("delete", `${ann}/sessions`, {}, 202), "sessions_ended"],
    ["the end of all access", api("post", `${ann}/revoke-access`, {}, 204), "sessions_ended"],
    ["a creation", api("post", "/api/v2/users", {}, 201, { user_id: "auth0|ann" }), "created"],
  ])("is %s of whom the path names, and never of the admin", async (_name, told, kind) => {
    expect((await heard([told])).events).toMatchObject([{ kind, subject: { id: "auth0|ann" } }]);
  });

  test.each([
    ["a failure", api("delete", ann, {}, 403)],
    ["a reading", api("get", `${ann}/roles`)],
    ["a look at a user", api("get", ann)],
    ["another thing", api("delete", "/api/v2/clients/1")],
    ["a search", api("get", "/api/v2/users-by-email")],
    ["a creation of nobody knows whom", api("post", "/api/v2/users", {}, 201)],
    ["nothing", entry({ type: "sapi" })],
  ])("is nothing where it is %s", async (_name, told) => {
    expect(await heard([told])).toEqual({ events: [], leftOut: ["ignored l-1"] });
  });
});

describe("a delivery", () => {
  const gone = entry({ type: "sdu" });

  test("is a list, one entry, one without an envelope, or lines", async () => {
    const bare = { log_id: "l-1", date, type: "sdu", user_id: "auth0|ann" };
    const lines = `${JSON.stringify(gone)}\n\n${JSON.stringify(entry({ type: "s" }, "l-2"))}\n`;
    for (const body of [[gone], gone, bare, lines, `${JSON.stringify(gone)}\r\n`])
      expect((await heard(body)).events).toMatchObject([{ id: "l-1", kind: "deleted" }]);
  });

  test("has every line read, though one is none", async () => {
    const { events, leftOut } = await heard(`{"log_id":"l-0","da\n${JSON.stringify(gone)}`);
    expect(events).toHaveLength(1);
    expect(leftOut).toEqual(["syntax_invalid"]);
  });

  test.each(["", "[", "{", "no"])("is not %j", (body) => {
    expect(() => auth0Logs.receive(requestOf(body, { authorization: "present" }), source, noTools)).toThrow("not JSON");
  });

  test("names its user by an id that can be read", async () => {
    const { events, leftOut } = await heard([
      api("delete", "/api/v2/users/%E0%A4%A"),
      entry({ type: "sdu", user_id: "" }),
    ]);
    expect([events, leftOut]).toEqual([[], ["value_invalid l-1", "value_invalid l-1"]]);
  });

  test("is not believed without the secret", () => {
    expect(() => auth0Logs.receive(requestOf([gone], {}), source, noTools)).toThrow("could not be verified");
  });
});
