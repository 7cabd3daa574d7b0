import { describe, expect, test } from "vitest";
import { hear, noTools, requestOf, sourceOf } from "../testing/hook-request.ts";
import { okta } from "./okta.ts";

const source = sourceOf("okta", { applicationId: "0oaours" });
const ann = { id: "00u1ann", type: "User", alternateId: "ann@example.test", displayName: "Ann" };
const secret = { authorization: "present" };

function eventOf(eventType: string, more: object = {}): object {
  return {
    uuid: "e-1",
    published: "2026-01-02T03:04:04.321Z",
    eventType,
    outcome: { result: "SUCCESS" },
    target: [ann],
    ...more,
  };
}

function heard(...events: readonly unknown[]) {
  return hear(okta, requestOf({ eventId: "d-1", data: { events } }, secret), source);
}

describe("every type that Okta offers to hooks", () => {
  test.each([
    ["user.lifecycle.create", "created"],
    ["user.lifecycle.activate", "enabled"],
    ["user.lifecycle.reactivate", "enabled"],
    ["user.lifecycle.unsuspend", "enabled"],
    ["user.lifecycle.suspend", "disabled"],
    ["user.lifecycle.deactivate", "disabled"],
    ["user.lifecycle.delete.initiated", "deleted"],
    ["user.account.update_profile", "changed"],
    ["user.session.clear", "sessions_ended"],
    ["user.session.end", "sessions_ended"],
    ["group.user_membership.add", "changed"],
    ["group.user_membership.remove", "changed"],
    ["application.user_membership.add", "changed"],
    ["application.user_membership.update", "changed"],
    ["application.user_membership.remove", "changed"],
  ])("%s is %s", async (type, kind) => {
    const { events } = await heard(eventOf(type));
    expect(events).toEqual([
      {
        id: "e-1",
        kind,
        subject: { id: "00u1ann", userName: "ann@example.test" },
        occurredAt: new Date("2026-01-02T03:04:04.321Z"),
      },
    ]);
  });

  test.each(["user.session.start", "policy.rule.update", "constructor", "__proto__"])("%s is not", async (type) => {
    expect(await heard(eventOf(type))).toEqual({ events: [], leftOut: ["ignored e-1"] });
  });
});

describe("whom an event names", () => {
  test("is the user among its targets", async () => {
    const group = { id: "00g1", type: "UserGroup", alternateId: "unknown" };
    const { events } = await heard(eventOf("group.user_membership.remove", { target: [group, ann] }));
    expect(events.map(({ subject }) => subject.id)).toEqual(["00u1ann"]);
  });

  test("is nobody where a group alone has changed", async () => {
    const target = [{ id: "00g1", type: "UserGroup" }];
    expect(await heard(eventOf("group.lifecycle.delete", { target }))).toEqual({
      events: [],
      leftOut: ["ignored e-1"],
    });
  });

  test("is whoever signs out, where nobody is a target; of a clearing it is never the admin", async () => {
    const actor = { id: "00u9admin", type: "User", alternateId: "admin@example.test" };
    const { events } = await heard(eventOf("user.session.end", { target: null, actor }));
    expect(events.map(({ subject }) => subject.id)).toEqual(["00u9admin"]);
    expect(await heard(eventOf("user.session.clear", { target: null, actor }))).toEqual({
      events: [],
      leftOut: ["value_invalid e-1"],
    });
  });

  test("is each of several, under a key of its own", async () => {
    const bob = { ...ann, id: "00u2bob", alternateId: "unknown" };
    const { events } = await heard(eventOf("user.lifecycle.deactivate", { target: [ann, bob] }));
    expect(events).toMatchObject([
      { id: "e-1 00u1ann", subject: { userName: "ann@example.test" } },
      { id: "e-1 00u2bob", subject: { id: "00u2bob", userName: undefined } },
    ]);
  });
});

describe("an application that is taken from a user", () => {
  const of = (id: string) => ({ target: [ann, { id, type: "AppInstance" }] });

  test("denies them where it is ours, and asks nobody who would say that they are active", async () => {
    const { events } = await heard(eventOf("application.user_membership.remove", of("0oaours")));
    expect(events).toMatchObject([{ kind: "disabled", attributes: { active: false } }]);
  });

  test("says that something changed where it is another", async () => {
    const { events } = await heard(eventOf("application.user_membership.remove", of("0oaother")));
    expect(events).toMatchObject([{ kind: "changed" }]);
    expect(events[0]?.attributes).toBeUndefined();
  });

  test("given back lets nobody in by itself", async () => {
    const { events } = await heard(eventOf("application.user_membership.add", of("0oaours")));
    expect(events).toMatchObject([{ kind: "changed" }]);
  });
});

describe("one of several that cannot be read", () => {
  test.each([
    ["no object", 7, "syntax_invalid"],
    ["no type", eventOf("x", { uuid: undefined, eventType: 7 }), "value_invalid"],
    ["nobody", eventOf("user.lifecycle.suspend", { target: "ann" }), "value_invalid e-1"],
  ])("takes no other with it: %s", async (_name, broken, code) => {
    const { events, leftOut } = await heard(broken, eventOf("user.lifecycle.deactivate", { uuid: "e-2" }));
    expect(events).toMatchObject([{ id: "e-2", kind: "disabled" }]);
    expect(leftOut).toEqual([code]);
  });

  test("is heard without a time, and without an id under what it says", async () => {
    const bare = eventOf("user.lifecycle.deactivate", { uuid: undefined, published: "yesterday" });
    const [first] = (await heard(bare)).events;
    const [again] = (await heard(bare, eventOf("user.session.start"))).events;
    expect(first).toMatchObject({ id: expect.stringMatching(/^sha256-/) as string, occurredAt: undefined });
    expect(again?.id).toBe(first?.id);
  });

  test("is heard under the digest of an id that is too long for a key", async () => {
    const { events } = await heard(eventOf("user.lifecycle.deactivate", { uuid: "e".repeat(900) }));
    expect(events[0]?.id).toMatch(/^sha256-/);
  });

  test("hides no leaver behind names that differ in case, depth or characters", async () => {
    const deep = `${"[".repeat(5_000)}${"]".repeat(5_000)}`;
    const event = JSON.stringify(eventOf("user.lifecycle.deactivate", { debugContext: { a: 1, A: 2, b: "\u0000" } }));
    const body = `{"data":{"events":[{"uuid":"e-0","eventType":"x","deep":${deep}},${event}]}}`;
    const { events } = await hear(okta, requestOf(body, secret), source);
    expect(events).toMatchObject([{ kind: "disabled" }]);
  });
});

test.each(["FAILURE", "SKIPPED", "DENY", "UNKNOWN"])("an outcome of %s says nothing", async (result) => {
  expect(await heard(eventOf("user.lifecycle.deactivate", { outcome: { result } }))).toEqual({
    events: [],
    leftOut: ["ignored e-1"],
  });
});

describe("verification", () => {
  const challenge = { "x-okta-verification-challenge": "Me_rShK8" };

  test("answers the challenge to whoever has the secret", () => {
    expect(okta.receive(requestOf("", { ...secret, ...challenge }, "GET"), source, noTools)).toMatchObject({
      kind: "handshake",
      answer: { status: 200, body: '{"verification":"Me_rShK8"}' },
    });
  });

  test.each([{ ...challenge }, { ...challenge, authorization: "guess" }, secret])("does not answer %j", (headers) => {
    expect(() => okta.receive(requestOf("", headers, "GET"), source, noTools)).toThrow("could not be verified");
  });

  test.each(["present", "former", "Bearer present"])("takes %s", async (authorization) => {
    const request = requestOf({ data: { events: [eventOf("user.lifecycle.suspend")] } }, { authorization });
    expect((await hear(okta, request, source)).events).toHaveLength(1);
  });

  test.each([undefined, "", "Bearer", "Bearer ", "PRESENT", "presen", "present "])(
    "does not take %j",
    (authorization) => {
      const headers = authorization === undefined ? {} : { authorization };
      expect(() => okta.receive(requestOf("not even JSON", headers), source, noTools)).toThrow("could not be verified");
    },
  );

  test("takes nobody where there is no secret", () => {
    const open = { ...source, secrets: [] };
    for (const headers of [{}, { authorization: "" }, { authorization: "undefined" }])
      expect(() => okta.receive(requestOf({}, headers), open, noTools)).toThrow("could not be verified");
  });

  test.each(["", "[]", "{", '{"data":{"events":{}}}'])("does not read %j", (body) => {
    expect(() => okta.receive(requestOf(body, secret), source, noTools)).toThrow(/not JSON|must be a list/);
  });
});
