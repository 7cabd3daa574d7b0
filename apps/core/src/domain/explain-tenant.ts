import type { Connection } from "./connection.ts";
import type { SubjectFacts, TokenFacts } from "./explain-facts.ts";
import { type ExplainStep, passed, problem, shown } from "./explain-step.ts";
import { isProvisioning } from "./provisioning-choice.ts";

type ReadToken = Extract<TokenFacts, { readonly kind: "read" }>;

const environment =
  /^(?:dev|devel|develop|development|test|tst|testing|qa|uat|int|integration|stage|stg|staging|preprod|preview|sandbox|demo|local|prod|prd|production|live)\d*$/;

/** Whether a token is this tenant's; undefined where nothing says whose tokens are. */
export function explainTenant(
  { iss, aud }: ReadToken,
  claims: Readonly<Record<string, unknown>>,
  { connections, candidates, tenantConnections = [], issuerTenants = [] }: SubjectFacts,
): ExplainStep | undefined {
  if (issuerTenants.length > 0)
    return problem("tenant", "other_tenant", `tenant ${issuerTenants.join(", ")} names the issuer ${shown(iss)}`);
  const elsewhere = otherEnvironment(iss, aud, connections, tenantConnections);
  if (elsewhere !== undefined) return problem("tenant", "wrong_environment", elsewhere);
  const matching = connections.filter(
    (connection) => isProvisioning(connection) && Object.keys(connection.justInTime.match).length > 0,
  );
  // One that asks for no claim takes all tokens of the issuer.
  if (matching.length === 0 || matching.length < connections.length) return undefined;
  const faults = matching.map((connection) => claimFault(connection, claims));
  const [first] = faults;
  if (first === undefined || faults.includes(undefined))
    return passed("tenant", "the claims that say whose it is are the connection's");
  // Whoever is in the directory is let in whatever these claims say: they decide who is made from a token.
  return candidates.length === 0 ? first : { ...first, status: "unknown" };
}

/** Whether two names differ in the word for the environment and in nothing else. */
export function isOfOtherEnvironment(one: string, other: string): boolean {
  const [left, right] = [partsOf(one), partsOf(other)];
  const isSame = left.others.join(" ") === right.others.join(" ") && left.others.length > 0;
  return isSame && left.environments.join(" ") !== right.environments.join(" ");
}

function partsOf(name: string): { readonly environments: readonly string[]; readonly others: readonly string[] } {
  const parts = name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((part) => part !== "" && part !== "https" && part !== "http");
  return {
    environments: parts.filter((part) => environment.test(part)),
    others: parts.filter((part) => !environment.test(part)),
  };
}

function otherEnvironment(
  iss: unknown,
  aud: unknown,
  connections: readonly Connection[],
  all: readonly Connection[],
): string | undefined {
  if (typeof iss === "string" && connections.length === 0) {
    const near = all.flatMap(({ issuers }) => issuers).find((issuer) => isOfOtherEnvironment(issuer, iss));
    return near === undefined ? undefined : `iss is ${shown(iss)}, and a connection names ${shown(near)}`;
  }
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (connections.some(({ audience }) => audience === undefined || named.includes(audience))) return undefined;
  for (const { audience = "" } of connections) {
    const near = named.find((one) => typeof one === "string" && isOfOtherEnvironment(one, audience));
    if (near !== undefined) return `aud is ${shown(near)}, and the connection wants ${shown(audience)}`;
  }
  return undefined;
}

/** What a connection's own tokens say and this one does not. */
function claimFault(connection: Connection, claims: Readonly<Record<string, unknown>>): ExplainStep | undefined {
  for (const [claim, wanted] of Object.entries(connection.justInTime?.match ?? {})) {
    const said = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
    if (said === wanted) continue;
    const { slug } = connection;
    if (said === undefined)
      return problem(
        "tenant",
        "tenant_claim_missing",
        `the claim ${claim} is absent; connection ${slug} matches ${shown(wanted)}`,
      );
    return problem(
      "tenant",
      "tenant_unknown",
      `${claim} is ${shown(said)}; connection ${slug} matches ${shown(wanted)}`,
    );
  }
  return undefined;
}
