import type { Database } from "./database.ts";
import { type ResolvedSubject, resolveSubject } from "./resolve-subject.ts";
import { tenantsOfIssuer } from "./tenants.ts";

/**
 * Whom a verified subject names, for a gateway that serves all tenants: the user of the one tenant
 * that lets the subject in. Several that do are none, for the gateway could not tell whose it is.
 */
export async function resolveInHouse(database: Database, iss: string, sub: string): Promise<ResolvedSubject> {
  const answers: ResolvedSubject[] = [];
  for (const tenantId of await tenantsOfIssuer(database, iss))
    answers.push(await resolveSubject(database, tenantId, iss, sub));
  const active = answers.filter(({ status }) => status === "active");
  if (active.length > 1) return { status: "unknown", reason: "subject_ambiguous" };
  return (
    active[0] ??
    answers.find(({ status }) => status === "denied") ??
    answers[0] ?? { status: "unknown", reason: "issuer_unknown" }
  );
}
