import {
  chooseProvisioning,
  isProvisioning,
  type ProvisioningConnection,
  type ProvisioningReading,
  type ProvisioningRefusal,
} from "@rollcall/core/domain";
import {
  type Bearer,
  type Database,
  findProvisioners,
  type Provisioned,
  provisionSubject,
  resolveToken,
  usesOfIssuer,
} from "@rollcall/core/store";
import type { ResolveRequest } from "@rollcall/guard";
import type { HeldToken, TokenCheck } from "@rollcall/guard/tokens";
import { FeedRefusal } from "./errors.ts";
import { namesOf } from "./token-names.ts";

export type Provisioner = {
  /**
   * Makes the user of the asked subject from the token, where a connection does so and the token
   * holds when it is verified here. Throws `unavailable` where the issuer's keys cannot be had.
   */
  provision(bearer: Pick<Bearer, "tenantId" | "credentialId">, request: ResolveRequest): Promise<Provisioned>;
};

export type ProvisionerOptions = {
  readonly database: Database;
  readonly tokens: TokenCheck;
  readonly newId: () => string;
};

type Reading = ProvisioningReading & { readonly held: HeldToken };

const tenantsMax = 100;

/** Makes users from tokens. A gateway's word that a token held makes nobody: each token is verified here. */
export function createProvisioner({ database, tokens, newId }: ProvisionerOptions): Provisioner {
  async function readAs(
    connection: ProvisioningConnection,
    token: string,
    { iss, sub }: ResolveRequest,
  ): Promise<readonly Reading[]> {
    const { audience = "any", subjectClaim, subjectCompare } = connection;
    const judged = await tokens.check(token, { issuer: iss, audience, subjectClaim, subjectCompare });
    if ("reason" in judged && judged.reason === "keys_unavailable") throw new FeedRefusal("unavailable");
    // A token of the issuer for somebody else makes nobody of the subject that was asked about.
    if (!("subject" in judged) || judged.subject.sub !== sub) return [];
    return [{ connection, held: judged, sub, claims: judged.claims }];
  }

  return {
    provision: async ({ tenantId, credentialId }, request) => {
      const { iss, sub, token } = request;
      const uses = await usesOfIssuer(database, iss);
      const tenantIds = [...new Set(uses.map((use) => use.tenantId))];
      const asked = tenantIds.filter((id) => tenantId === undefined || id === tenantId).slice(0, tenantsMax);
      const found = await Promise.all(asked.map((id) => findProvisioners(database, id, iss)));
      const willing = found.flat().filter(isProvisioning);
      if (willing.length === 0) return unknown({ reason: "just_in_time_off" });
      if (token === undefined) return unknown({ reason: "token_needed" });
      const readings: Reading[] = [];
      for (const connection of willing) readings.push(...(await readAs(connection, token, request)));
      const choice = chooseProvisioning(readings, uses);
      if ("reason" in choice) return unknown(choice);
      const { attributes, reading } = choice;
      const { connection, held } = reading;
      // A session that was ended, or this one token, is nobody's who may come in.
      const standing = await resolveToken(database, connection.tenantId, namesOf(held));
      if (standing.status === "struck") return { status: "denied", reason: "token_revoked" };
      if (standing.status !== "unknown" || standing.reason !== "never_provisioned") return standing;
      const provisioning = { actor: credentialId, userId: newId(), eventId: newId() };
      const newcomer = { connection, iss, sub, attributes };
      return provisionSubject(database, connection.tenantId, newcomer, provisioning);
    },
  };
}

function unknown(refusal: ProvisioningRefusal): Provisioned {
  return { status: "unknown", ...refusal };
}
