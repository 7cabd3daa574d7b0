import { type Database, sql } from "@rollcall/core/store";
import type { Directory, Person, Provider } from "./provider.ts";

export type Findings = { lost: string[]; doubled: string[]; resurrected: string[]; gaps: string[] };

export type Tenant = {
  readonly id: string;
  readonly slug: string;
  readonly issuer: string;
  readonly feedToken: string;
  readonly directory: Directory;
  readonly provider: Provider;
};

type StoreRow = { sub: string; user_id: string; denied: boolean; groups: string[]; display_name: string | null };

/** Whether anything accepted is still on its way: not applied, or not published. */
export async function isQuiet(database: Database, tenants: readonly Tenant[]): Promise<boolean> {
  for (const tenant of tenants) {
    const [row] = await database.once<{ waiting: number }>(
      tenant.id,
      sql`SELECT (SELECT count(*) FROM lifecycle_event WHERE applied_at IS NULL) + (SELECT count(*) FROM feed_pending) AS waiting`,
    );
    if (row?.waiting !== 0) return false;
  }
  return true;
}

/** Compares the directory, the user store and the feed of one tenant with what its provider was told. */
export async function compare(database: Database, feedUrl: string, tenant: Tenant): Promise<Findings> {
  const findings: Findings = { lost: [], doubled: [], resurrected: [], gaps: [] };
  await compareDirectory(tenant, findings);
  const denied = await compareStore(database, tenant, findings);
  await compareFeed(feedUrl, tenant, denied, findings);
  await findGaps(database, tenant, findings);
  return findings;
}

/** The provider reads back what it wrote, and each write counted once: the version says how often. */
async function compareDirectory({ provider, directory, slug }: Tenant, findings: Findings): Promise<void> {
  const { status, body } = await provider.send("GET", "/Users?count=200");
  if (status !== 200) throw new Error(`the directory was answered ${status}`);
  const users = body["Resources"] as readonly Record<string, unknown>[];
  for (const person of directory.people) {
    const own = users.filter((user) => user["externalId"] === person.externalId);
    const name = `${slug}/${person.externalId}`;
    if (own.length > 1 || person.ids.size > 1)
      findings.doubled.push(`${name} has ${Math.max(own.length, person.ids.size)} ids`);
    const [user] = own;
    const present = person.state === "active" || person.state === "inactive";
    if (user === undefined) {
      if (present) findings.lost.push(`${name} is not in the directory`);
      continue;
    }
    if (!present) findings.resurrected.push(`${name} is in the directory again`);
    else compareUser(name, person, user, findings);
  }
}

function compareUser(name: string, person: Person, user: Record<string, unknown>, findings: Findings): void {
  const active = person.state === "active";
  if (user["active"] !== active) findings.lost.push(`${name} is ${active ? "inactive" : "active"} in the directory`);
  if (user["displayName"] !== person.displayName) findings.lost.push(`${name} has another displayName`);
  const version = (user["meta"] as { version?: string }).version;
  if (version !== person.version)
    findings.doubled.push(`${name} has version ${version}, its last answer said ${person.version}`);
  const groups = ((user["groups"] as readonly { value: string }[] | undefined) ?? [])
    .map(({ value }) => value)
    .toSorted();
  if (groups.join() !== [...person.groups].toSorted().join()) findings.lost.push(`${name} is in other groups`);
}

async function compareStore(
  database: Database,
  { id, slug, directory }: Tenant,
  findings: Findings,
): Promise<ReadonlySet<string>> {
  const rows = await database.once<StoreRow>(
    id,
    sql`SELECT identity.sub, identity.user_id, EXISTS (SELECT FROM denial WHERE denial.user_id = identity.user_id) AS denied, app_user.display_name,
        ARRAY(SELECT group_id::text FROM app_group_member WHERE app_group_member.user_id = identity.user_id ORDER BY group_id) AS groups
      FROM identity JOIN app_user ON app_user.id = identity.user_id`,
  );
  const denied = new Set<string>();
  for (const person of directory.people) {
    const name = `${slug}/${person.externalId} in the user store`;
    const own = rows.filter((row) => row.sub === person.externalId);
    if (own.length > 1) findings.doubled.push(`${name} stands ${own.length} times`);
    const [row] = own;
    if (row === undefined) {
      if (person.state === "active" || person.state === "inactive") findings.lost.push(`${name} is missing`);
      continue;
    }
    const shouldDeny = person.state !== "active";
    if (row.denied) denied.add(person.externalId);
    if (row.denied !== shouldDeny)
      findings[person.state === "deleted" ? "resurrected" : "lost"].push(
        `${name} is ${row.denied ? "denied" : "admitted"} but ${person.state}`,
      );
    if (row.groups.join() !== [...person.groups].toSorted().join()) findings.lost.push(`${name} is in other groups`);
    if (person.state === "active" && row.display_name !== (person.displayName ?? null))
      findings.lost.push(`${name} has another displayName`);
  }
  return denied;
}

/** The snapshot that a gateway would take must deny exactly those whom the user store denies. */
async function compareFeed(
  feedUrl: string,
  { slug, feedToken, directory }: Tenant,
  denied: ReadonlySet<string>,
  findings: Findings,
): Promise<void> {
  const response = await fetch(`${feedUrl}/v1/feeds/${slug}/snapshot`, {
    headers: { authorization: `Bearer ${feedToken}` },
  });
  if (response.status !== 200) throw new Error(`the feed was answered ${response.status}`);
  const [, ...entries] = (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { op: string; s: string });
  const refused = new Set(entries.filter(({ op }) => op === "deny").map(({ s }) => s));
  for (const { externalId, state } of directory.people) {
    if (refused.has(externalId) === denied.has(externalId)) continue;
    const kind = state === "deleted" ? "resurrected" : "lost";
    findings[kind].push(
      `${slug}/${externalId} is ${refused.has(externalId) ? "refused" : "admitted"} by the feed but ${state}`,
    );
  }
}

async function findGaps(database: Database, { id, slug }: Tenant, findings: Findings): Promise<void> {
  const [row] = await database.once<{ entries: number; last: number; head: number }>(
    id,
    sql`SELECT count(*) AS entries, coalesce(max(seq), 0) AS last, coalesce((SELECT seq FROM feed_meta), 0) AS head FROM feed_entry`,
  );
  if (row === undefined || row.entries !== row.last || row.last !== row.head) {
    findings.gaps.push(
      `the feed of ${slug} holds ${row?.entries} entries up to ${row?.last}, its head says ${row?.head}`,
    );
  }
}
