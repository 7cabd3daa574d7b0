import { type Database, sql } from "@rollcall/core/store";
import { FeedBroken, type FeedReader, keyOf } from "../harness/feed-reader.ts";
import { type Directory, type Person, type Provider, readUser } from "./provider.ts";

export type Findings = { lost: string[]; doubled: string[]; resurrected: string[]; gaps: string[] };

export type Tenant = {
  readonly id: string;
  readonly slug: string;
  readonly issuer: string;
  readonly directory: Directory;
  readonly provider: Provider;
  /** A gateway that has followed the feed since its beginning and verifies every answer. */
  readonly follower: FeedReader;
  /** One that starts over from a snapshot each time. */
  readonly newcomer: FeedReader;
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
export async function compare(database: Database, tenant: Tenant): Promise<Findings> {
  const findings: Findings = { lost: [], doubled: [], resurrected: [], gaps: [] };
  await compareDirectory(tenant, findings);
  await compareStore(database, tenant, findings);
  await compareFeed(tenant, findings);
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
    if (own.length > 1 || person.ids.size > 1) {
      findings.doubled.push(`${name} has ${Math.max(own.length, person.ids.size)} ids`);
    }
    const [user] = own;
    if (user === undefined) {
      if (isPresent(person)) findings.lost.push(`${name} is not in the directory`);
    } else if (isPresent(person)) {
      compareUser(name, person, user, findings);
    } else {
      findings.resurrected.push(`${name} is in the directory again`);
    }
  }
}

function compareUser(name: string, { told }: Person, user: Record<string, unknown>, findings: Findings): void {
  const found = readUser(user);
  if (found.state !== told.state) findings.lost.push(`${name} is ${found.state} in the directory, not ${told.state}`);
  if (found.displayName !== told.displayName) findings.lost.push(`${name} has another displayName`);
  if (found.groups.join() !== told.groups.join()) findings.lost.push(`${name} is in other groups`);
  if (found.version !== told.version) {
    findings.doubled.push(`${name} has version ${found.version}, its last answer said ${told.version}`);
  }
}

async function compareStore(database: Database, { id, slug, directory }: Tenant, findings: Findings): Promise<void> {
  const rows = await database.once<StoreRow>(
    id,
    sql`SELECT identity.sub, identity.user_id, EXISTS (SELECT FROM denial WHERE denial.user_id = identity.user_id) AS denied, app_user.display_name,
        ARRAY(SELECT group_id::text FROM app_group_member WHERE app_group_member.user_id = identity.user_id ORDER BY group_id) AS groups
      FROM identity JOIN app_user ON app_user.id = identity.user_id`,
  );
  for (const person of directory.people) {
    const { told, externalId } = person;
    const name = `${slug}/${externalId} in the user store`;
    const own = rows.filter((row) => row.sub === externalId);
    if (own.length > 1) findings.doubled.push(`${name} stands ${own.length} times`);
    const [row] = own;
    if (row === undefined) {
      if (isPresent(person)) findings.lost.push(`${name} is missing`);
      continue;
    }
    const admitted = told.state === "active";
    if (row.denied === admitted)
      wrongWay(findings, person, `${name} is ${row.denied ? "denied" : "admitted"} but ${told.state}`);
    if (row.groups.join() !== told.groups.join()) findings.lost.push(`${name} is in other groups`);
    if (admitted && row.display_name !== (told.displayName ?? null))
      findings.lost.push(`${name} has another displayName`);
  }
}

/** What a gateway believes, whether it has followed all along or comes now, is what the provider was told. */
async function compareFeed({ slug, issuer, directory, follower, newcomer }: Tenant, findings: Findings): Promise<void> {
  try {
    await follower.catchUp();
    await newcomer.takeSnapshot();
  } catch (error) {
    if (!(error instanceof FeedBroken) || error.fault === "status") throw error;
    findings.gaps.push(`the feed of ${slug}: ${error.message}`);
    return;
  }
  if (newcomer.cursor.seq !== follower.cursor.seq) {
    findings.gaps.push(
      `the feed of ${slug} ends at ${follower.cursor.seq} for who follows, at ${newcomer.cursor.seq} for who comes`,
    );
  }
  for (const [who, reader] of [
    ["a follower", follower],
    ["a newcomer", newcomer],
  ] as const) {
    for (const person of directory.people) {
      const { told, externalId } = person;
      if (told.state === "absent") continue;
      const entry = reader.held.get(keyOf({ iss: issuer, sub: externalId }));
      const refused = entry?.op === "deny";
      const name = `${slug}/${externalId}, for ${who},`;
      if (refused === (told.state === "active"))
        wrongWay(findings, person, `${name} is ${refused ? "refused" : "let in"} but ${told.state}`);
      if (person.killed && entry?.nbf === undefined)
        findings.resurrected.push(`${name} was shut out once, and old tokens live`);
    }
  }
  findRepetitions(slug, follower, findings);
}

/** An entry that says what its key's last one said was published twice. */
function findRepetitions(slug: string, follower: FeedReader, findings: Findings): void {
  const last = new Map<string, string>();
  for (const entry of follower.seen) {
    const says = `${entry.op} ${entry.nbf ?? ""}`;
    if (last.get(keyOf(entry)) === says)
      findings.doubled.push(`entry ${entry.seq} of ${slug} repeats what its key said`);
    last.set(keyOf(entry), says);
  }
}

/** A deleted user who gets in is worse than one who was only switched off. */
function wrongWay(findings: Findings, { told }: Person, how: string): void {
  findings[told.state === "deleted" ? "resurrected" : "lost"].push(how);
}

function isPresent({ told }: Person): boolean {
  return told.state === "active" || told.state === "inactive";
}
