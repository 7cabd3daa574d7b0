import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import type { HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { activeOf, at, createReceiverScene, errorOf } from "../harness/receiver-scene.ts";
import { caep, push, risc, setOf, ssf } from "../harness/security-events.ts";
import { openIssuer } from "../harness/signing-issuer.ts";
import type { TestTenant } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const transmitter = await openIssuer();
const minute = 60_000;
const { scene, tell, said } = createReceiverScene(house, transmitter);

describe("what a transmitter says of an account", () => {
  test("disabled shuts the user out, enabled later lets them in, and each is answered 202 with nothing", async () => {
    const { tenant, source, by } = await scene();
    const disabled = await tell(source, by("ann"), { [`${risc}account-disabled`]: { event_timestamp: at(5) } });
    expect([disabled.status, await disabled.text()]).toEqual([202, ""]);
    expect(await activeOf(tenant)).toBe(false);
    await untilQuiet(house, tenant.id);
    expect((await entriesOf(tenant))["sub ann"]?.op).toBe("deny");
    await tell(source, by("ann"), { [`${risc}account-enabled`]: { event_timestamp: at(3) } });
    expect(await activeOf(tenant)).toBe(true);
  });

  test("enabled without a time lets nobody in, though the SET says when it was made", async () => {
    const { tenant, source, by } = await scene();
    await tell(source, by("ann"), { [`${risc}account-disabled`]: { event_timestamp: at(5) } });
    expect((await tell(source, by("ann"), { [`${risc}account-enabled`]: {} })).status).toBe(202);
    expect(await activeOf(tenant)).toBe(false);
    expect((await outcomesOf(tenant)).at(-1)).toEqual({ kind: "enabled", outcome: "no_time" });
    await tell(source, by("ann"), { [`${risc}account-enabled`]: {} }, { toe: at(2) });
    expect(await activeOf(tenant)).toBe(true);
  });

  test("purged deletes, and nothing but a create brings them back", async () => {
    const { tenant, source, by } = await scene();
    await tell(source, by("ann"), { [`${risc}account-purged`]: { event_timestamp: at(5) } });
    expect(await namesOf(tenant)).toEqual(["bob@example.test"]);
    await tell(source, by("ann"), { [`${risc}account-enabled`]: { event_timestamp: at(1) } });
    expect(await namesOf(tenant)).toEqual(["bob@example.test"]);
  });

  test("a deny and an enable that somebody has captured change nothing, in whatever order they come again", async () => {
    const { tenant, source, by } = await scene();
    const deny = await setOf(transmitter, said(by("ann"), { [`${risc}account-disabled`]: { event_timestamp: at(9) } }));
    const enable = await setOf(
      transmitter,
      said(by("ann"), { [`${risc}account-enabled`]: { event_timestamp: at(8) } }),
    );
    for (const set of [deny, enable]) await push(source, set);
    expect(await activeOf(tenant)).toBe(true);
    for (const set of [deny, enable, enable, deny]) expect((await push(source, set)).status).toBe(202);
    expect(await activeOf(tenant)).toBe(true);
    await tell(source, by("ann"), { [`${risc}account-disabled`]: { event_timestamp: at(7) } });
    for (const set of [enable, deny, enable]) await push(source, set);
    expect(await activeOf(tenant)).toBe(false);
  });

  test("a SET that is older than what is remembered is refused: it may be one of those", async () => {
    const { tenant, source, by } = await scene();
    const old = at(30 * 24 * 60);
    const answer = await tell(source, by("ann"), { [`${risc}account-disabled`]: {} }, { iat: old });
    expect([answer.status, (await errorOf(answer)).err]).toEqual([400, "invalid_request"]);
    expect(await activeOf(tenant)).toBe(true);
  });
});

describe("what a transmitter says of sessions", () => {
  test("kills every token of before the event, denies nobody, and counts in seconds and in milliseconds", async () => {
    const { tenant, source, by } = await scene();
    await tell(source, by("ann"), { [`${caep}session-revoked`]: { event_timestamp: at(5) } });
    await tell(source, by("bob"), { [`${caep}session-revoked`]: { event_timestamp: at(5) * 1_000 } });
    await untilQuiet(house, tenant.id);
    const { "sub ann": ann, "sub bob": bob } = await entriesOf(tenant);
    expect(ann).toMatchObject({ op: "nbf" });
    expect(Math.abs((ann?.nbf ?? 0) - (at(5) + 1))).toBeLessThanOrEqual(1);
    expect(Math.abs((bob?.nbf ?? 0) - (at(5) + 1))).toBeLessThanOrEqual(1);
    expect(await activeOf(tenant)).toBe(true);
  });

  test("an end of long ago blinds no gateway: its word is as new as before", async () => {
    const { tenant, source, by } = await scene();
    await tell(source, by("ann"), { [`${caep}session-revoked`]: { event_timestamp: at(24 * 60) } });
    const [row] = await house.database.once<{ accepted_at: Date }>(
      tenant.id,
      sql`SELECT accepted_at FROM revocation WHERE scope = 'sub' AND sub = 'ann' AND nbf IS NOT NULL`,
    );
    expect(Date.now() - (row?.accepted_at.getTime() ?? 0)).toBeLessThan(minute);
  });

  test("ends the one session that it names, and no other", async () => {
    const { tenant, source } = await scene();
    const sub_id = {
      format: "complex",
      user: { format: "iss_sub", iss: tenant.issuer, sub: "ann" },
      session: { format: "opaque", id: "s-1" },
    };
    await tell(source, sub_id, { [`${caep}session-revoked`]: { event_timestamp: at(1) } });
    await untilQuiet(house, tenant.id);
    const entries = await entriesOf(tenant);
    expect(entries["sid s-1"]).toMatchObject({ op: "deny" });
    expect(entries["sub ann"]).toBeUndefined();
  });

  test("is what other events come to where tokens say what is no longer so", async () => {
    const ends: readonly (readonly [string, object])[] = [
      [`${caep}token-claims-change`, { claims: { role: "ro" } }],
      [`${caep}credential-change`, { change_type: "revoke", credential_type: "fido2-roaming" }],
      [`${caep}assurance-level-change`, { current_level: "nist-aal1", change_direction: "decrease" }],
      [`${caep}assurance-level-change`, { current_level: "nist-aal1" }],
      [`${caep}device-compliance-change`, { previous_status: "compliant", current_status: "not-compliant" }],
      [`${risc}credential-compromise`, { credential_type: "password" }],
      [`${risc}sessions-revoked`, {}],
      [`${risc}identifier-recycled`, {}],
    ];
    for (const [type, content] of ends) {
      const { tenant, source, by } = await scene();
      expect((await tell(source, by("ann"), { [type]: content })).status).toBe(202);
      await untilQuiet(house, tenant.id);
      expect((await entriesOf(tenant))["sub ann"]?.op, type).toBe("nbf");
      expect(await activeOf(tenant), type).toBe(true);
    }
  });

  test("is not what they come to where nobody loses anything", async () => {
    const { tenant, source, by } = await scene();
    const harmless: readonly (readonly [string, object])[] = [
      [`${caep}credential-change`, { change_type: "create" }],
      [`${caep}credential-change`, { change_type: "update" }],
      [`${caep}assurance-level-change`, { change_direction: "increase" }],
      [`${caep}device-compliance-change`, { current_status: "compliant" }],
      [`${caep}session-established`, {}],
      [`${caep}session-presented`, {}],
      [`${caep}risk-level-change`, { current_level: "HIGH" }],
      [`${risc}identifier-changed`, { "new-value": "anna@example.test" }],
      [`${risc}account-credential-change-required`, {}],
      [`${risc}opt-out-effective`, {}],
      ["https://example.test/event/unheard-of", {}],
    ];
    for (const [type, content] of harmless)
      expect((await tell(source, by("ann"), { [type]: content })).status, type).toBe(202);
    await untilQuiet(house, tenant.id);
    expect(await entriesOf(tenant)).toEqual({});
    expect(await activeOf(tenant)).toBe(true);
  });

  test("counts for a token of somebody whom the directory does not know", async () => {
    const { tenant, source, by } = await scene();
    await tell(source, by("stranger"), { [`${caep}session-revoked`]: { event_timestamp: at(1) } });
    await untilQuiet(house, tenant.id);
    expect((await entriesOf(tenant))["sub stranger"]).toMatchObject({ op: "nbf" });
    expect((await outcomesOf(tenant)).at(-1)).toEqual({ kind: "sessions_ended", outcome: "unmatched" });
  });

  test("takes nothing from what an admin has denied", async () => {
    const { tenant, source } = await scene();
    await house.database.once(
      tenant.id,
      sql`INSERT INTO revocation (tenant_id, scope, iss, sub, deny, origin, reason, accepted_at, applied_at)
        VALUES (${tenant.id}, 'sid', ${tenant.issuer}, 's-1', true, 'app', 'admin_revoked', now(), now())`,
    );
    const sub_id = { format: "complex", session: { format: "opaque", id: "s-1" } };
    expect((await tell(source, sub_id, { [`${caep}session-revoked`]: {} })).status).toBe(202);
    const held = await house.database.once(
      tenant.id,
      sql`SELECT deny, origin, reason FROM revocation WHERE scope = 'sid' AND sub = 's-1'`,
    );
    expect(held).toEqual([{ deny: true, origin: "app", reason: "admin_revoked" }]);
  });
});

describe("one SET", () => {
  test("is taken in once, and all of its events are", async () => {
    const { tenant, source, by } = await scene();
    const set = await setOf(
      transmitter,
      said(by("ann"), {
        [`${risc}account-disabled`]: { event_timestamp: at(2) },
        [`${caep}session-revoked`]: { event_timestamp: at(1) },
        ["https://example.test/event/unheard-of"]: {},
      }),
    );
    for (let time = 0; time < 3; time += 1) expect((await push(source, set)).status).toBe(202);
    expect((await outcomesOf(tenant)).map(({ kind, outcome }) => `${kind} ${outcome}`).toSorted()).toEqual([
      "disabled written",
      "sessions_ended sessions_ended",
    ]);
  });

  test("that says otherwise under the same jti is somebody's mistake, and what it denies is denied", async () => {
    const { tenant, source, by } = await scene();
    const jti = randomUUID();
    await tell(source, by("ann"), { [`${caep}session-revoked`]: {} }, { jti });
    await tell(source, by("ann"), { [`${risc}account-disabled`]: {} }, { jti });
    expect(await activeOf(tenant)).toBe(false);
    const alerts = await house.database.once(tenant.id, sql`SELECT kind FROM alert WHERE resolved_at IS NULL`);
    expect(alerts).toEqual([{ kind: "source_conflict" }]);
  });

  test("verifies the stream, and says when it stops and goes on", async () => {
    const { tenant, source } = await scene();
    const stream = { format: "opaque", id: "stream-1" };
    expect((await tell(source, stream, { [`${ssf}verification`]: { state: "abc" } })).status).toBe(202);
    await tell(source, stream, { [`${ssf}stream-updated`]: { status: "paused", reason: "for a while" } });
    expect(await troubleOf(tenant, source)).toEqual([expect.stringContaining("stopped the stream"), "source_silent"]);
    await tell(source, stream, { [`${ssf}stream-updated`]: { status: "enabled" } });
    expect(await troubleOf(tenant, source)).toEqual([null, undefined]);
  });

  test("that cannot be committed is not acknowledged: a paused source has it sent again", async () => {
    const { tenant, source, by } = await scene();
    await house.database.once(tenant.id, sql`UPDATE event_source SET status = 'paused' WHERE id = ${source.id}`);
    const answer = await tell(source, by("ann"), { [`${risc}account-disabled`]: {} });
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "5"]);
  });
});

async function namesOf(tenant: TestTenant): Promise<readonly string[]> {
  const { body } = await tenant.scim("GET", "/Users?sortBy=userName");
  return (body["Resources"] as readonly { readonly userName: string }[]).map(({ userName }) => userName);
}

function outcomesOf(tenant: TestTenant) {
  return house.database.once<{ readonly kind: string; readonly outcome: string }>(
    tenant.id,
    sql`SELECT kind, outcome FROM source_event ORDER BY accepted_at`,
  );
}

async function troubleOf(tenant: TestTenant, source: HookSource): Promise<readonly unknown[]> {
  const [row] = await house.database.once<{ last_error: string | null }>(
    tenant.id,
    sql`SELECT last_error FROM event_source WHERE id = ${source.id}`,
  );
  const [alert] = await house.database.once<{ kind: string }>(
    tenant.id,
    sql`SELECT kind FROM alert WHERE key = ${source.id} AND resolved_at IS NULL`,
  );
  return [row?.last_error, alert?.kind];
}

/** What gateways hold, by scope and name. */
async function entriesOf(tenant: TestTenant) {
  const rows = await house.database.once<{ scope: string; sub: string; deny: boolean; nbf: number | null }>(
    tenant.id,
    sql`SELECT scope, sub, deny, nbf FROM revocation WHERE deny OR nbf IS NOT NULL`,
  );
  return Object.fromEntries(
    rows.map(({ scope, sub, deny, nbf }) => [`${scope} ${sub}`, { op: deny ? "deny" : "nbf", nbf: Number(nbf) }]),
  );
}
