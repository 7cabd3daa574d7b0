import { createGuard, type Guard } from "@rollcall/guard";
import { sql } from "@rollcall/core/store";
import type { Fleet } from "./fleet.ts";
import { firstTenant } from "./first-tenant.ts";
import { demoAudience } from "./identity-provider.ts";

/** On the wall clock, as the database's stages are: milliseconds from the first byte of the provider's request to each stage of a leaver's way out. */
export type LeaverTimes = {
  readonly answered: number;
  readonly accepted: number;
  readonly applied: number;
  readonly published: number;
  readonly refused: number;
};

const decideMsMax = 10_000;

/** A gateway of its own that follows the fleet's feed and asks about subjects that it does not know. */
export async function startGateway(fleet: Fleet, issuer: string): Promise<Guard> {
  const guard = createGuard({
    issuers: [{ issuer, audience: demoAudience }],
    feed: { url: `${fleet.feedUrl}/v1/feeds/${firstTenant}`, token: fleet.tokens.feed, gateway: "demo" },
    stale: "deny",
    unknown: "resolve",
    resolve: { url: `${fleet.feedUrl}/v1/resolve`, token: fleet.tokens.feed },
  });
  await guard.start();
  return guard;
}

/** The provider's side: one SCIM request, and its answer's body. */
export async function sendScim(
  fleet: Fleet,
  method: string,
  path: string,
  body: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${fleet.scimUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${fleet.tokens.scim}`, "content-type": "application/scim+json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the SCIM request ${method} ${path} was answered ${response.status}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

export async function join(fleet: Fleet, sub: string): Promise<string> {
  const created = await sendScim(fleet, "POST", "/Users", {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName: `${sub}@example.com`,
    externalId: sub,
    active: true,
  });
  return created["id"] as string;
}

/** Deactivates a user as Okta does, and asks the gateway until the token is refused. */
export async function leave(fleet: Fleet, guard: Guard, userId: string, token: string): Promise<LeaverTimes> {
  const startedAt = Date.now();
  const answered = sendScim(fleet, "PATCH", `/Users/${userId}`, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: [{ op: "replace", value: { active: false } }],
  }).then(() => Date.now());
  const refusedAt = await untilRefused(guard, token, startedAt + decideMsMax);
  const answeredAt = await answered;
  const stages = await stagesOf(fleet, userId);
  return {
    answered: answeredAt - startedAt,
    accepted: stages.accepted - startedAt,
    applied: stages.applied - startedAt,
    published: stages.published - startedAt,
    refused: refusedAt - startedAt,
  };
}

async function untilRefused(guard: Guard, token: string, deadline: number): Promise<number> {
  for (;;) {
    const decision = await guard.check(token);
    const now = Date.now();
    if (!decision.allow && decision.reason === "revoked") return now;
    if (!decision.allow) throw new Error(`the token was refused for another reason: ${decision.reason}`);
    if (now > deadline) throw new Error("the leaver's token is still admitted");
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}

async function stagesOf(
  fleet: Fleet,
  userId: string,
): Promise<{ accepted: number; applied: number; published: number }> {
  const [tenant] = await fleet.database.housePrisma.tenant.findMany({ where: { slug: firstTenant } });
  const [row] = await fleet.database.once<{ accepted: number; applied: number; published: number }>(
    tenant?.id ?? "",
    sql`SELECT extract(epoch FROM entry.accepted_at)::float8 * 1000 AS accepted, extract(epoch FROM entry.applied_at)::float8 * 1000 AS applied,
        extract(epoch FROM entry.published_at)::float8 * 1000 AS published
      FROM feed_entry AS entry JOIN lifecycle_event AS event ON event.id = entry.event_id
      WHERE event.subject_id = ${userId} AND entry.op = 'deny'`,
  );
  if (row === undefined) throw new Error("the denial is not in the feed's log");
  return row;
}
