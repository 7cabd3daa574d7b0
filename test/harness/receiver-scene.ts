import type { House } from "./house.ts";
import type { HookSource } from "./hook-sender.ts";
import { addReceiver, push, type Said, secondsOf, setOf } from "./security-events.ts";
import type { SigningIssuer } from "./signing-issuer.ts";
import { createTenant, newUser, type TestTenant } from "./tenant.ts";
import { untilQuiet } from "./user-store.ts";

/** A house that receives what a transmitter pushes, of two users. */
export function createReceiverScene(house: House, transmitter: SigningIssuer, now: () => number = Date.now) {
  const said = (sub_id: unknown, events: Said["events"]): Said => ({
    iat: secondsOf(new Date(now())),
    sub_id,
    events,
  });
  return {
    said,
    scene: async (settings: Readonly<Record<string, string>> = {}, own = transmitter) => {
      const tenant = await createTenant(house);
      for (const name of ["ann", "bob"])
        await tenant.scim("POST", "/Users", newUser(name, { emails: [{ value: `${name}@example.test` }] }));
      await untilQuiet(house, tenant.id);
      const by = (sub: string) => ({ format: "iss_sub", iss: tenant.issuer, sub });
      return { tenant, source: await addReceiver(house, tenant, own, settings), by };
    },
    tell: async (
      source: HookSource,
      sub_id: unknown,
      events: Said["events"],
      more: Partial<Said> = {},
      own = transmitter,
    ): Promise<Response> => push(source, await setOf(own, { ...said(sub_id, events), ...more })),
  };
}

/** What the receiver said of a SET that it did not take (RFC 8935 §2.3). */
export async function errorOf(answer: Response) {
  const body = (await answer.json()) as { readonly err?: string; readonly description?: string };
  return { status: answer.status, ...body };
}

export async function activeOf(tenant: TestTenant, externalId = "ann"): Promise<boolean | undefined> {
  const { body } = await tenant.scim("GET", `/Users?filter=externalId eq "${externalId}"`);
  return (body["Resources"] as readonly { readonly active: boolean }[])[0]?.active;
}

/** The moment so many minutes ago, in seconds. */
export function at(minutes: number): number {
  return secondsOf(new Date(Date.now() - minutes * 60_000));
}
