import { type Database, sql } from "@rollcall/core/store";
import { FeedBroken, type FeedReader, keyOf } from "../harness/feed-reader.ts";
import { until } from "../harness/until.ts";
import { type Directory, type Person, type Provider, readUser } from "./provider.ts";

export type Findings = {
  readonly lost: string[];
  readonly doubled: string[];
  readonly resurrected: string[];
  readonly gaps: string[];
  /** Published by somebody whose term was over. */
  readonly stale: string[];
  /** Answers that never came, or that told a provider to give up. */
  readonly unanswered: string[];
  /** What did not come back by itself. */
  readonly stuck: string[];
};

export function noFindings(): Findings {
  return { lost: [], doubled: [], resurrected: [], gaps: [], stale: [], unanswered: [], stuck: [] };
}

export type Tenant = {
  readonly id: string;
  readonly slug: string;
  readonly issuer: string;
  readonly connectionId: string;
  /** Subjects whom an admin shuts out, and until when. */
  readonly banned: Map<string, Date>;
  readonly directory: Directory;
  readonly provider: Provider;
  /** A gateway that has followed the feed since its beginning and verifies every answer. */
  readonly follower: FeedReader;
  /** One that starts over from a snapshot each time. */
  readonly newcomer: FeedReader;
};

// A second that began between the change and what was asked of the clock.
const cutSecSlack = 1;
const sightedMsMax = 20_000;

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
  const findings = noFindings();
  await compareDirectory(tenant, findings);
  await compareStore(database, tenant, findings);
  await compareFeed(tenant, findings);
  await findGivenUp(database, tenant, findings);
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
async function compareFeed(tenant: Tenant, findings: Findings): Promise<void> {
  const { slug, issuer, directory, banned, follower, newcomer } = tenant;
  try {
    await followToNow(slug, follower, findings);
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
    for (const [sub, endsAt] of banned)
      if (endsAt.getTime() > Date.now() && reader.held.get(keyOf({ iss: issuer, sub }))?.op !== "deny")
        findings.resurrected.push(`${slug}/${sub}, for ${who}, is let in before the ban of an admin ends`);
    for (const person of directory.people) {
      const { told, externalId } = person;
      if (told.state === "absent") continue;
      const entry = reader.held.get(keyOf({ iss: issuer, sub: externalId }));
      const refused = entry?.op === "deny";
      const name = `${slug}/${externalId}, for ${who},`;
      if (refused === (told.state === "active"))
        wrongWay(findings, person, `${name} is ${refused ? "refused" : "let in"} but ${told.state}`);
      compareCut(name, person, entry?.nbf, findings);
    }
  }
  findRepetitions(slug, follower, findings);
}

/** Follows until an answer vouches for the moment at which this was called: what was quiet then is in it. */
async function followToNow(slug: string, follower: FeedReader, findings: Findings): Promise<void> {
  const calledAtSec = Date.now() / 1_000;
  const isSighted = async (): Promise<boolean> => (await follower.catchUp()).as_of > calledAtSec;
  await until("the feed is of now", isSighted, sightedMsMax).catch((error: unknown) => {
    if (error instanceof FeedBroken) throw error;
    findings.stuck.push(`the feed of ${slug} does not come to the present: every gateway stays blind`);
  });
}

/** What killed tokens kills those from before it, and none from after it, whatever the clocks of the roles say. */
function compareCut(name: string, { killed }: Person, nbf: number | undefined, findings: Findings): void {
  if (killed === undefined) return;
  if (nbf === undefined || nbf <= Math.floor(killed.fromMs / 1_000))
    findings.resurrected.push(`${name} was shut out at ${killed.fromMs}, and tokens from before ${nbf ?? "ever"} live`);
  else if (nbf > Math.floor(killed.toMs / 1_000) + 1 + cutSecSlack)
    findings.lost.push(`${name} was shut out by ${killed.toMs}, and tokens up to ${nbf} are dead`);
}

/** No outage is the fault of an event. */
async function findGivenUp(database: Database, { id, slug }: Tenant, findings: Findings): Promise<void> {
  const [row] = await database.once<{ dead: number; tried: number }>(
    id,
    sql`SELECT count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead, count(*) FILTER (WHERE attempts > 0) AS tried FROM lifecycle_event`,
  );
  if ((row?.dead ?? 0) + (row?.tried ?? 0) > 0)
    findings.lost.push(`${slug} has ${row?.dead} events that were given up, and ${row?.tried} that were blamed`);
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
