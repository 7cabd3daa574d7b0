import { sql } from "@rollcall/core/store";
import type { House } from "./house.ts";
import { newUser, type ScimAnswer, type TestTenant } from "./tenant.ts";

export type BulkOperation = {
  readonly method: string;
  readonly path?: string;
  readonly bulkId?: string;
  readonly version?: string;
  readonly data?: unknown;
};

/** One operation's part of a Bulk's answer (RFC 7644 §3.7.3). */
export type BulkOutcome = {
  readonly method?: string;
  readonly bulkId?: string;
  readonly location?: string;
  readonly version?: string;
  readonly status: string;
  readonly response?: { readonly status: string; readonly scimType?: string; readonly detail: string };
};

export type BulkAnswer = ScimAnswer & {
  readonly outcomes: readonly BulkOutcome[];
  readonly statuses: readonly string[];
};

/** Sends one Bulk as this tenant's identity provider. */
export async function sendBulk(
  tenant: Pick<TestTenant, "scim">,
  operations: readonly unknown[],
  more: Record<string, unknown> = {},
  url?: string,
): Promise<BulkAnswer> {
  const body = { schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], ...more, Operations: operations };
  const answer = await tenant.scim("POST", "/Bulk", body, {}, url);
  const outcomes = (answer.body["Operations"] ?? []) as readonly BulkOutcome[];
  return { ...answer, outcomes, statuses: outcomes.map(({ status }) => status) };
}

/** The creation of a resource under a bulkId. */
export function create(path: string, bulkId: string, data: unknown): BulkOperation {
  return { method: "POST", path, bulkId, data };
}

/** The id at the end of a location. */
export function idIn(outcome: BulkOutcome | undefined): string {
  return outcome?.location?.split("/").at(-1) ?? "";
}

/** Creates users by one Bulk, and answers the ids of the first two. */
export async function createUsers(
  tenant: Pick<TestTenant, "scim">,
  ...names: readonly string[]
): Promise<readonly [string, string]> {
  const { outcomes } = await sendBulk(
    tenant,
    names.map((name) => create("/Users", name, newUser(name))),
  );
  const [first, second] = outcomes;
  return [idIn(first), idIn(second)];
}

/** The ids of a group's members, sorted. */
export async function membersOf(tenant: Pick<TestTenant, "scim">, groupId: string): Promise<readonly string[]> {
  const { body } = await tenant.scim("GET", `/Groups/${groupId}`);
  return ((body["members"] ?? []) as { value: string }[]).map(({ value }) => value).toSorted();
}

/** How many live in a tenant's directory, and how many events it has had. */
export async function countRows({ database }: Pick<House, "database">, { id }: TestTenant): Promise<unknown> {
  const [row] = await database.once(
    id,
    sql`SELECT (SELECT count(*) FROM directory_user WHERE deleted_at IS NULL) AS users, (SELECT count(*) FROM directory_group WHERE deleted_at IS NULL) AS groups,
      (SELECT count(*) FROM lifecycle_event) AS events`,
  );
  return row;
}
