import { createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { DirectoryError, type JsonObject, type SourceEvent, type SourceKind } from "@rollcall/core/domain";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SourceAdapter } from "../source-adapter.ts";
import { type Heard, hear, receivedAt, requestOf, sourceOf } from "../testing/hook-request.ts";
import { auth0Logs } from "./auth0-logs.ts";
import { auth0 } from "./auth0.ts";
import { keycloak } from "./keycloak.ts";
import { okta } from "./okta.ts";
import { workos } from "./workos.ts";

type Vendor = {
  readonly adapter: SourceAdapter;
  readonly kind: SourceKind;
  readonly settings?: JsonObject;
  /** Events as they should be. */
  readonly good: readonly object[];
  readonly body: (...events: readonly unknown[]) => unknown;
};

const bearer = (): IncomingHttpHeaders => ({ authorization: "Bearer present" });
const signed = (body: string): IncomingHttpHeaders => {
  const t = receivedAt.getTime();
  return { "workos-signature": `t=${t}, v1=${createHmac("sha256", "present").update(`${t}.${body}`).digest("hex")}` };
};
const time = "2026-01-02T03:04:05.678Z";
const oktaTargets = [
  { id: "00u", type: "User", alternateId: "ann@example.test" },
  { id: "0oa", type: "AppInstance" },
];
const request = { method: "patch", path: "/api/v2/users/a%7Cb", body: { blocked: true } };
const workosUser = {
  directory_id: "d",
  idp_id: "00u",
  state: "inactive",
  username: "ann",
  emails: [{ value: "a@b.c" }],
};

const vendors: Readonly<Record<string, Vendor>> = {
  okta: {
    adapter: okta,
    kind: "okta",
    settings: { applicationId: "0oa" },
    good: ["user.lifecycle.deactivate", "user.session.end", "application.user_membership.remove"].map((eventType) => ({
      uuid: "e",
      published: time,
      eventType,
      outcome: { result: "SUCCESS" },
      actor: oktaTargets[0],
      target: oktaTargets,
    })),
    body: (...events) => ({ data: { events } }),
  },
  auth0: {
    adapter: auth0,
    kind: "auth0",
    settings: { connection: "c" },
    good: ["user.created", "user.updated", "user.deleted"].map((type) => ({
      id: "evt_1",
      type,
      time,
      data: { object: { user_id: "a|b", email: "a@b.c", name: "A", blocked: true, identities: [{ connection: "c" }] } },
    })),
    body: (event) => event,
  },
  auth0_logs: {
    adapter: auth0Logs,
    kind: "auth0_logs",
    good: [
      { log_id: "l", data: { date: time, type: "sdu", user_id: "a|b" } },
      { log_id: "l", data: { date: time, type: "sapi", details: { request, response: { statusCode: 200 } } } },
    ],
    body: (...events) => events,
  },
  keycloak: {
    adapter: keycloak,
    kind: "keycloak",
    settings: { verification: "bearer", realm: "acme" },
    good: [
      ...["admin.USER-UPDATE", "admin.USER-DELETE"].map((type) => ({
        uid: "k",
        time: 1_767_323_045_123,
        realmId: "acme",
        type,
        resourcePath: "users/u",
        representation: '{"username":"ann","enabled":false}',
      })),
      {
        uid: "k",
        realmId: "acme",
        type: "access.LOGOUT",
        authDetails: { userId: "u", sessionId: "s", username: "ann" },
      },
    ],
    body: (event) => event,
  },
  workos: {
    adapter: workos,
    kind: "workos",
    settings: { directory: "d" },
    good: [
      { id: "event_1", event: "dsync.user.updated", created_at: time, data: workosUser },
      { id: "event_1", event: "dsync.group.user_removed", data: { directory_id: "d", user: workosUser } },
    ],
    body: (event) => event,
  },
};

const odd: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1,
  1e300,
  "",
  "\u0000",
  "\ud800",
  "x".repeat(2_000),
  "ä".repeat(900),
  "__proto__",
  "constructor",
  "users//",
  "/api/v2/users/%",
  '{"enabled":false',
  [],
  [[]],
  {},
  JSON.parse('{"__proto__":{"id":1}}'),
];

/** A good event, some of whose members are odd. */
function eventsOf({ good }: Vendor): fc.Arbitrary<unknown> {
  const spoilt = fc.array(fc.tuple(fc.nat(1_000), fc.constantFrom(...odd)), { maxLength: 3 });
  return fc.tuple(fc.constantFrom(...good), spoilt).map(([event, changes]) => {
    const spoiling = structuredClone(event);
    for (const [index, value] of changes) {
      const places = placesIn(spoiling);
      const place = places[index % places.length];
      if (place !== undefined) place.holder[place.name] = structuredClone(value);
    }
    return spoiling;
  });
}

type Place = { readonly holder: Record<string, unknown>; readonly name: string };

function placesIn(value: unknown): readonly Place[] {
  if (typeof value !== "object" || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((name) => [{ holder, name }, ...placesIn(holder[name])]);
}

async function heard(vendor: Vendor, body: unknown): Promise<Heard | DirectoryError> {
  const text = JSON.stringify(body);
  const headers = vendor.kind === "workos" ? signed(text) : bearer();
  const source = sourceOf(vendor.kind, vendor.settings);
  return hear(vendor.adapter, requestOf(text, headers), source).catch((error: unknown) => {
    if (error instanceof DirectoryError) return error;
    throw error;
  });
}

function textsOf({ id, subject, session, attributes }: SourceEvent): readonly string[] {
  const { userName, externalId } = attributes ?? {};
  return [id, subject.id, subject.userName, subject.email, session, userName, externalId].filter(
    (text) => typeof text === "string",
  );
}

describe.each(Object.entries(vendors))("whatever is sent in the name of %s", (_name, vendor) => {
  test("is an event that can be kept, is left out, or is refused", async () => {
    let events = 0;
    await fc.assert(
      fc.asyncProperty(eventsOf(vendor), async (event) => {
        const reading = await heard(vendor, vendor.body(event));
        if (reading instanceof DirectoryError) return;
        events += reading.events.length;
        expect(reading.events.length + reading.leftOut.length).toBeGreaterThan(0);
        for (const told of reading.events) {
          for (const text of textsOf(told)) {
            expect(text.includes("\u0000")).toBe(false);
            expect(text.isWellFormed() && Buffer.byteLength(text) <= 1_000).toBe(true);
          }
          expect(Buffer.byteLength(told.id)).toBeLessThanOrEqual(1_000);
          expect(Object.keys({ ...told.subject, session: told.session }).length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 500 },
    );
    // A property of nothing would hold of anything.
    expect(events).toBeGreaterThan(150);
  });

  test("is read the same twice", async () => {
    await fc.assert(
      fc.asyncProperty(eventsOf(vendor), async (event) => {
        expect(await heard(vendor, vendor.body(event))).toEqual(await heard(vendor, vendor.body(event)));
      }),
      { numRuns: 100 },
    );
  });
});

test.each(["okta", "auth0_logs"])("nothing beside an event of %s takes it away", async (name) => {
  const vendor = vendors[name];
  if (vendor === undefined) throw new Error(name);
  const events = eventsOf(vendor);
  const beside = fc.array(fc.oneof(events, fc.constantFrom(...odd)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(events, beside, async (one, others) => {
      const alone = await heard(vendor, vendor.body(one));
      const together = await heard(vendor, vendor.body(...others, one));
      if (alone instanceof DirectoryError || together instanceof DirectoryError) throw new Error("a list is refused");
      expect(together.events).toEqual(expect.arrayContaining([...alone.events]));
    }),
    { numRuns: 500 },
  );
});
