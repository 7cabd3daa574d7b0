import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { hear, noTools, receivedAt, requestOf, sourceOf } from "../testing/hook-request.ts";
import { workos } from "./workos.ts";

const source = sourceOf("workos", { directory: "directory_1" });
const ann = {
  object: "directory_user",
  id: "directory_user_1",
  directory_id: "directory_1",
  idp_id: "00u1ann",
  state: "active",
  username: "ann@example.test",
  first_name: "Ann",
  last_name: "Berg",
  emails: [
    { primary: false, type: "home", value: "ann@home.test" },
    { primary: true, type: "work", value: "ann@example.test" },
  ],
  custom_attributes: { job_title: "Engineer", department_name: "Research", division_name: null },
};

function signed(body: string, { secret = "present", t = String(receivedAt.getTime()) } = {}) {
  return { "workos-signature": `t=${t}, v1=${createHmac("sha256", secret).update(`${t}.${body}`).digest("hex")}` };
}

function heard(event: string, data: object = ann, of = source) {
  const body = JSON.stringify({ event, id: "event_1", created_at: "2026-01-02T03:04:05.678Z", data });
  return hear(workos, requestOf(body, signed(body)), of);
}

describe("what an event states", () => {
  test("is the whole user", async () => {
    const { events } = await heard("dsync.user.created");
    expect(events).toEqual([
      {
        id: "event_1",
        kind: "created",
        subject: { id: "00u1ann", userName: "ann@example.test", email: "ann@example.test" },
        occurredAt: new Date("2026-01-02T03:04:05.678Z"),
        attributes: {
          externalId: "00u1ann",
          userName: "ann@example.test",
          active: true,
          name: { givenName: "Ann", familyName: "Berg" },
          emails: [
            { value: "ann@example.test", primary: true },
            { value: "ann@home.test", primary: false },
          ],
          title: "Engineer",
          "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { department: "Research" },
        },
      },
    ]);
  });

  test.each([
    ["active", true],
    ["inactive", false],
    ["suspended", false],
    [undefined, undefined],
  ])("of state %j is active %j", async (state, active) => {
    const { events } = await heard("dsync.user.updated", { ...ann, state, previous_attributes: { state: "active" } });
    expect(events[0]?.attributes?.["active"]).toBe(active);
  });

  test("of a deletion is a deletion, or as the admin says", async () => {
    expect((await heard("dsync.user.deleted")).events).toMatchObject([{ kind: "deleted" }]);
    const kept = sourceOf("workos", { directory: "directory_1", deletions: "disabled" });
    expect((await heard("dsync.user.deleted", ann, kept)).events).toMatchObject([{ kind: "disabled" }]);
  });

  test("of a group is that its member changed, and no more unless the member is out", async () => {
    const membership = (user: object) => ({ directory_id: "directory_1", user, group: { id: "directory_group_1" } });
    const [changed] = (await heard("dsync.group.user_removed", membership(ann))).events;
    expect([changed?.kind, changed?.attributes]).toEqual(["changed", undefined]);
    const [out] = (await heard("dsync.group.user_removed", membership({ ...ann, state: "inactive" }))).events;
    expect(out?.attributes?.["active"]).toBe(false);
  });
});

describe("what is left out", () => {
  test("is another customer's directory, whatever it says", async () => {
    for (const directory_id of ["directory_2", undefined])
      expect(await heard("dsync.user.deleted", { ...ann, directory_id })).toEqual({
        events: [],
        leftOut: ["ignored event_1"],
      });
  });

  test.each(["dsync.activated", "dsync.deleted", "dsync.group.created", "user.created"])("is %s", async (event) => {
    expect((await heard(event)).leftOut).toEqual(["ignored event_1"]);
  });

  test("is a user without a name", async () => {
    expect((await heard("dsync.user.deleted", { directory_id: "directory_1" })).leftOut).toEqual([
      "value_invalid event_1",
    ]);
  });
});

describe("the signature", () => {
  const body = JSON.stringify({ event: "dsync.user.deleted", id: "event_1", data: ann });
  const at = (seconds: number) => String(receivedAt.getTime() - seconds * 1_000);

  test.each([
    ["now", signed(body)],
    ["three minutes ago", signed(body, { t: at(180) })],
    ["with the former secret", signed(body, { secret: "former" })],
    ["without a space", { "workos-signature": signed(body)["workos-signature"].replace(", ", ",") }],
  ])("is taken: %s", async (_name, headers) => {
    expect((await hear(workos, requestOf(body, headers), source)).events).toHaveLength(1);
  });

  const good = signed(body)["workos-signature"];
  test.each([
    ["too old", signed(body, { t: at(181) })],
    ["of the future", signed(body, { t: at(-181) })],
    ["of another secret", signed(body, { secret: "guess" })],
    ["of another body", signed(`${body} `)],
    ["of another time", { "workos-signature": good.replace(/t=\d+/, `t=${at(1)}`) }],
    // `t.body` is one text: where a time may hold a point, part of a body could be taken for it.
    ["with a point in its time", signed(body, { t: `${at(0)}.0` })],
    ["without a time", { "workos-signature": good.replace(/t=\d+, /, "") }],
    ["in capitals", { "workos-signature": good.toUpperCase() }],
    ["missing", {}],
  ])("is refused: %s", (_name, headers) => {
    expect(() => workos.receive(requestOf(body, headers), source, noTools)).toThrow("could not be verified");
  });
});
