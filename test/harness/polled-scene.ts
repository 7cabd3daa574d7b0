import { randomUUID } from "node:crypto";
import { sql } from "@rollcall/core/store";
import { addSource, type HookSource } from "./hook-sender.ts";
import type { House } from "./house.ts";
import { openPolledTransmitter } from "./polled-transmitter.ts";
import { audience, type Said, secondsOf, setOf } from "./security-events.ts";
import type { SigningIssuer } from "./signing-issuer.ts";
import { createTenant, newUser, type TestTenant } from "./tenant.ts";
import { untilQuiet } from "./user-store.ts";

/** A tenant of two users in a house, and a transmitter whose stream it polls. */
export async function createPolledScene(house: House, issuer: SigningIssuer) {
  const tenant = await createTenant(house);
  for (const name of ["ann", "bob"]) await tenant.scim("POST", "/Users", newUser(name));
  await untilQuiet(house, tenant.id);
  const transmitter = await openPolledTransmitter();
  const settings = { issuer: issuer.issuer, audience, endpoint: transmitter.endpoint };
  const source = await addSource(house, tenant, "ssf_poll", settings, "a bearer of the transmitter's");
  const say = async (sub: string, events: Said["events"]): Promise<string> => {
    const jti = randomUUID();
    transmitter.waiting.set(jti, await setOf(issuer, { ...saidOf(tenant, sub, events), jti }));
    return jti;
  };
  return { tenant, transmitter, source, say };
}

/** What a transmitter says of a tenant's user, now. */
export function saidOf(tenant: TestTenant, sub: string, events: Said["events"]): Said {
  return { iat: secondsOf(new Date()), sub_id: { format: "iss_sub", iss: tenant.issuer, sub }, events };
}

/** The source's last error, and the kind of the alert that is open for it. */
export async function troubleOf(
  house: House,
  tenant: TestTenant,
  { id }: Pick<HookSource, "id">,
): Promise<readonly unknown[]> {
  const [row] = await house.database.once<{ last_error: string | null; kind: string | null }>(
    tenant.id,
    sql`SELECT last_error, (SELECT kind FROM alert WHERE key = ${id} AND resolved_at IS NULL) AS kind FROM event_source WHERE id = ${id}`,
  );
  return [row?.last_error, row?.kind ?? undefined];
}
