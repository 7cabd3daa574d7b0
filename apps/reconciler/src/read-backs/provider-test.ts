import { countKnownIds, keepProviderReport, type ProviderReport } from "@rollcall/core/store";
import { type Provider, ProviderFailure, type ProviderUser } from "../providers/provider.ts";
import type { Asker, Askers, AskingParts } from "./askers.ts";

/** What whoever is asked about must not be: nobody has this id. */
const nobody = "00000000-0000-4000-8000-000000000000";
const testMsMax = 20_000;

type Finding = { readonly works: boolean; readonly line: string };

/** Tries a provider as an admin has asked, and keeps in words what works and what is missing. */
export async function testProvider(
  parts: AskingParts,
  askers: Askers,
  tenantId: string,
  connectionId: string,
): Promise<void> {
  const asker = await askers.open(tenantId, connectionId);
  if (asker === undefined) return;
  const report = await tryAll(parts, asker, tenantId, connectionId);
  if (!parts.closing.aborted) await keepProviderReport(parts.database, tenantId, connectionId, report);
}

async function tryAll(
  { database, closing }: AskingParts,
  { provider, origin }: Asker,
  tenantId: string,
  connectionId: string,
): Promise<ProviderReport> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(testMsMax)]);
  let page: readonly ProviderUser[] = [];
  const findings: Finding[] = [];
  const attempt = async (what: string, work: () => Promise<string>): Promise<void> => {
    findings.push(await work().then((found) => ({ works: true, line: `${what}: ${found}` }), failing(what)));
  };
  await attempt("a page of users", async () => {
    page = await firstPage(provider, signal);
    return `${page.length} read`;
  });
  const [first] = page;
  if (first !== undefined) {
    await attempt("one user by id", async () => describeUser(await provider.readUser({ id: first.id }, signal)));
    await attempt("an id that nobody has", async () => describeNobody(await provider.readUser({ id: nobody }, signal)));
    const known = await countKnownIds(
      database,
      tenantId,
      connectionId,
      page.map(({ id }) => id),
    );
    const isOdd = known === 0 && origin.rules.idAttribute === "externalId";
    const hint = isOdd ? "; unless nobody of them is provisioned yet, set idAttribute to none" : "";
    findings.push({ works: true, line: `ids: ${known} of ${page.length} are the externalId of a user here${hint}` });
  }
  const { changesSince } = provider;
  if (changesSince !== undefined)
    await attempt("what has changed", async () => {
      await changesSince(undefined, signal);
      return "it can say";
    });
  return { works: findings.every(({ works }) => works), lines: findings.map(({ line }) => line) };
}

async function firstPage(provider: Provider, signal: AbortSignal): Promise<readonly ProviderUser[]> {
  for await (const page of provider.listUsers(signal)) return page;
  return [];
}

function describeUser(user: ProviderUser | undefined): string {
  if (user === undefined) throw new ProviderFailure("malformed", "it lists a user whom it then does not find");
  return user.attributes.active ? "found, active" : "found, not active";
}

function describeNobody(user: ProviderUser | undefined): string {
  if (user !== undefined) throw new ProviderFailure("malformed", "it finds a user by an id that nobody has");
  return "told apart from an error";
}

function failing(what: string): (error: unknown) => Finding {
  return (error) => {
    if (!(error instanceof ProviderFailure)) throw error;
    return { works: false, line: `${what}: ${error.reason}: ${error.message}` };
  };
}
