import type { Connection } from "./connection.ts";
import type { UserAttributes } from "./directory.ts";
import { decideProvisioning, type JustInTime, type ProvisioningRefusal } from "./just-in-time.ts";

/** A connection that makes users from tokens. */
export type ProvisioningConnection = Connection & { readonly justInTime: JustInTime };

/** A token as a connection reads it under whose rules it holds. */
export type ProvisioningReading = {
  readonly connection: ProvisioningConnection;
  readonly sub: string;
  readonly claims: Readonly<Record<string, unknown>>;
};

/** A connection that names an issuer, of whatever tenant, with the audience that its tokens must name. */
export type IssuerUse = { readonly tenantId: string; readonly audience: string | undefined };

export type ProvisioningChoice<Reading> = { readonly reading: Reading; readonly attributes: UserAttributes };

export function isProvisioning(connection: Connection): connection is ProvisioningConnection {
  return connection.justInTime?.enabled === true;
}

/** Whether a token's audience is one that a connection takes; without one it takes any. */
export function takesAudience({ audience }: Pick<Connection, "audience">, aud: unknown): boolean {
  return audience === undefined || (Array.isArray(aud) ? aud.includes(audience) : aud === audience);
}

/**
 * The one connection that makes a user of a token, and the user; or why none does. `uses` are all
 * connections that name the issuer: a token that another tenant would take too is nobody's own.
 */
export function chooseProvisioning<Reading extends ProvisioningReading>(
  readings: readonly Reading[],
  uses: readonly IssuerUse[],
): ProvisioningChoice<Reading> | ProvisioningRefusal {
  if (readings.length === 0) return { reason: "token_refused" };
  const judged = readings.map((reading) => ({ reading, decided: decideProvisioning(reading.connection, reading) }));
  const accepted = judged.filter(({ decided }) => !("reason" in decided && decided.reason === "tenant_wrong"));
  const [only, ...others] = accepted;
  if (only === undefined) return { reason: "tenant_wrong" };
  if (others.length > 0) return { reason: "connection_ambiguous" };
  const { reading, decided } = only;
  if (!isOwn(reading, uses)) return { reason: "tenant_ambiguous" };
  return "reason" in decided ? decided : { reading, attributes: decided.attributes };
}

/** Whether the token is this tenant's and cannot be another's: by a claim, or because nobody else of the issuer takes its audience. */
function isOwn({ connection, claims }: ProvisioningReading, uses: readonly IssuerUse[]): boolean {
  if (Object.keys(connection.justInTime.match).length > 0) return true;
  return !uses.some((use) => use.tenantId !== connection.tenantId && takesAudience(use, claims["aud"]));
}
