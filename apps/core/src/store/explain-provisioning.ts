import {
  chooseProvisioning,
  type Connection,
  isProvisioning,
  type ProvisioningFact,
  type ProvisioningReading,
  takesAudience,
} from "../domain/index.ts";
import type { Database } from "./database.ts";
import { findDenialBefore, findNameHolder, usesOfIssuer } from "./provision-subject.ts";

type Asked = {
  readonly iss: string;
  readonly sub: string;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
};

/** What a request with a token would come to that makes users, as the directory is now; nobody is made. The token's signature is somebody else's to judge. */
export async function readProvisioningFact(
  database: Database,
  tenantId: string,
  connections: readonly Connection[],
  { iss, sub, claims }: Asked,
): Promise<ProvisioningFact> {
  const willing = connections.filter(isProvisioning);
  if (willing.length === 0) return { kind: "off" };
  if (claims === undefined) return { kind: "untold" };
  const readings: ProvisioningReading[] = willing
    .filter((connection) => takesAudience(connection, claims["aud"]) && claims[connection.subjectClaim] === sub)
    .map((connection) => ({ connection, sub, claims }));
  const choice = chooseProvisioning(readings, await usesOfIssuer(database, iss));
  if ("reason" in choice) return { kind: "refused", refusal: choice };
  const { connection } = choice.reading;
  const reason = await database.inTenant(
    tenantId,
    async (transaction) =>
      (await findNameHolder(transaction, connection.id, choice.attributes)) ??
      (await findDenialBefore(transaction, connection.id, { iss, sub }, choice.attributes)),
  );
  return reason === undefined
    ? { kind: "ready", connection: connection.slug }
    : { kind: "refused", refusal: { reason } };
}
