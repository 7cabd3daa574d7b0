import { describe, expect, test } from "vitest";
import { hear, noTools, requestOf, sourceOf } from "../testing/hook-request.ts";
import { auth0 } from "./auth0.ts";

const source = sourceOf("auth0");
const ann = {
  user_id: "auth0|507f",
  email: "ann@example.test",
  name: "Ann Berg",
  given_name: "Ann",
  family_name: "Berg",
  identities: [{ connection: "acme", user_id: "507f", provider: "auth0", isSocial: false }],
  user_metadata: { lang: "de", Lang: "en" },
};

function heard(type: string, user: object = ann, { of = source, more = {} } = {}) {
  const event = {
    specversion: "1.0",
    id: "evt_1",
    type,
    time: "2026-01-02T03:04:05.678Z",
    data: { object: user },
    ...more,
  };
  return hear(auth0, requestOf(event, { authorization: "Bearer present" }), of);
}

describe("what an event states", () => {
  test("of somebody new is a whole user, who may enter", async () => {
    const { events } = await heard("user.created");
    expect(events).toEqual([
      {
        id: "evt_1",
        kind: "created",
        subject: { id: "auth0|507f", userName: undefined, email: "ann@example.test" },
        occurredAt: new Date("2026-01-02T03:04:05.678Z"),
        attributes: {
          externalId: "auth0|507f",
          userName: "ann@example.test",
          active: true,
          displayName: "Ann Berg",
          name: { givenName: "Ann", familyName: "Berg" },
          emails: [{ value: "ann@example.test", primary: true }],
        },
      },
    ]);
  });

  test("of somebody without a name is their id", async () => {
    const { events } = await heard("user.created", { user_id: "sms|1" });
    expect(events[0]?.attributes).toEqual({ externalId: "sms|1", userName: "sms|1", active: true });
  });

  test.each([
    [true, false],
    [false, true],
    ["yes", false],
    [undefined, undefined],
    [null, undefined],
  ])("of a change, blocked %j is active %j", async (blocked, active) => {
    const { events } = await heard("user.updated", { ...ann, blocked });
    expect(events[0]?.attributes?.["active"]).toBe(active);
  });

  test("of somebody new who is blocked lets nobody in", async () => {
    expect((await heard("user.created", { ...ann, blocked: true })).events[0]?.attributes?.["active"]).toBe(false);
  });

  test("of a deletion is nothing but that", async () => {
    const { events } = await heard("user.deleted");
    expect(events).toMatchObject([{ kind: "deleted", subject: { id: "auth0|507f" } }]);
    expect(events[0]?.attributes).toBeUndefined();
  });

  test("takes no id's place that is another provider's", async () => {
    const { events } = await heard("user.updated", ann, { of: sourceOf("auth0", { idAttribute: "none" }) });
    expect(events[0]?.attributes).not.toHaveProperty("externalId");
  });

  test("is the same in the longer name of its type", async () => {
    expect((await heard("com.auth0.user.deleted")).events).toMatchObject([{ kind: "deleted" }]);
  });
});

describe("what is left out", () => {
  test("is a test of the stream, a type of no user's, and another connection's user", async () => {
    const of = sourceOf("auth0", { connection: "other" });
    expect((await heard("user.deleted", ann, { more: { a0purpose: "test" } })).leftOut).toEqual(["ignored evt_1"]);
    expect((await heard("organization.member.added")).leftOut).toEqual(["ignored evt_1"]);
    expect((await heard("user.deleted", ann, { of })).leftOut).toEqual(["ignored evt_1"]);
  });

  test("is not a deletion that does not tell its connection", async () => {
    const of = sourceOf("auth0", { connection: "other" });
    expect((await heard("user.deleted", { user_id: "auth0|1" }, { of })).events).toHaveLength(1);
  });

  test("is a user without an id", async () => {
    expect((await heard("user.deleted", { email: "ann@example.test" })).leftOut).toEqual(["value_invalid evt_1"]);
  });
});

test.each([{}, { authorization: "Bearer guess" }, { authorization: "Basic present" }])(
  "%j is not believed",
  (headers) => {
    expect(() => auth0.receive(requestOf("{", headers), source, noTools)).toThrow("could not be verified");
  },
);
