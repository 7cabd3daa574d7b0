import { adminMutants } from "./admin-mutants.ts";
import { agentMutants } from "./agent-mutants.ts";
import { compareMutants } from "./compare-mutants.ts";
import { doorMutants } from "./door-mutants.ts";
import { identityMutants } from "./identity-mutants.ts";
import { introspectionMutants } from "./introspection-mutants.ts";
import { egressMutants } from "./egress-mutants.ts";
import { explainMutants } from "./explain-mutants.ts";
import { lagMutants } from "./lag-mutants.ts";
import { listMutants } from "./list-mutants.ts";
import { membershipMutants } from "./membership-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { outageMutants } from "./outage-mutants.ts";
import { pipelineMutants } from "./pipeline-mutants.ts";
import { providerMutants } from "./provider-mutants.ts";
import { provisioningMutants } from "./provisioning-mutants.ts";
import { readBackMutants } from "./read-back-mutants.ts";
import { pullMutants } from "./pull-mutants.ts";
import { refusalMutants } from "./refusal-mutants.ts";
import { scimMutants } from "./scim-mutants.ts";
import { securityEventMutants } from "./security-event-mutants.ts";
import { sourceMutants } from "./source-mutants.ts";
import { webhookMutants } from "./webhook-mutants.ts";
import { vendorMutants } from "./vendor-mutants.ts";

const store = "apps/core/src/store";

export const mutants: readonly Mutant[] = [
  {
    name: "acknowledge a user before the commit",
    file: `${store}/batched-query.ts`,
    // The last statement's answer comes before that of the commit, which is part of the same round trip.
    changes: [
      {
        from: "if (this.#passedOver === this.#before.silent.length) super.handleCommandComplete(message, wire);",
        to: "if (this.#passedOver === this.#before.silent.length) { super.handleCommandComplete(message, wire); if (this.#before.first === undefined || Array.isArray((this as any)._results)) (this as any).callback(null, (this as any)._results); }",
      },
    ],
    caughtBy: { file: "acknowledgement", test: "COMMIT is refused: > a user who leaves" },
  },
  {
    name: "acknowledge a group before the commit",
    file: `${store}/database.ts`,
    changes: [{ from: 'await commit(client.query("COMMIT"));', to: 'client.query("COMMIT").catch(() => undefined);' }],
    caughtBy: { file: "acknowledgement", test: "COMMIT is refused: > a group" },
  },
  {
    name: "no version predicate",
    file: `${store}/converge-users.ts`,
    changes: [{ from: "row.applied_version >= row.version", to: "false" }],
    caughtBy: { file: "interleavings", test: "writes nothing the second time: update" },
  },
  {
    name: "no version predicate, and the state is read without the lock",
    file: `${store}/converge-users.ts`,
    changes: [
      { from: "row.applied_version >= row.version", to: "false" },
      { from: "ORDER BY directory_user_id FOR UPDATE", to: "ORDER BY directory_user_id" },
      { from: "AND link.applied_version <> done.version", to: "" },
    ],
    caughtBy: { file: "interleavings", test: "at update leaves the same state" },
  },
  {
    name: "replay what the event says, not what the directory says",
    file: `${store}/converge-users.ts`,
    changes: [
      { from: "row.applied_version >= row.version", to: "false" },
      {
        from: "wanted: wantedUser(state)",
        to: 'wanted: { ...wantedUser(state), denials: subject.killedAtMs === undefined ? [] : ["idp_deleted"] }',
      },
    ],
    caughtBy: {
      file: "orders",
      test: "a leaver, applied in all 720 orders > lead to one state, with one delivered twice",
    },
  },
  {
    name: 'a truthy "False"',
    file: "apps/ingest/src/scim/attribute-value.ts",
    changes: [{ from: 'if (word === "false") return false;', to: "if (word !== undefined) return Boolean(word);" }],
    caughtBy: { file: "wire", test: "entra/classic.json" },
  },
  {
    name: "a naive cursor: publish what has a higher number than the last",
    file: `${store}/publish.ts`,
    changes: [
      {
        from: "SELECT id FROM feed_pending ORDER BY id",
        to: "SELECT id FROM feed_pending WHERE id > ${cursor} ORDER BY id",
      },
      {
        from: "return transaction.query<PendingRow>(sql`",
        to: "return moveOn(transaction.query<PendingRow & { last: number }>(sql`",
      },
      { from: "SELECT keys.scope, keys.iss,", to: "SELECT max(keys.id) OVER () AS last, keys.scope, keys.iss," },
      { from: "ORDER BY keys.id`);", to: "ORDER BY keys.id`));" },
      {
        from: "function stateOf(",
        to: "let cursor = 0;\nasync function moveOn(found) { const rows = await found; cursor = rows.at(-1)?.last ?? cursor; return rows; }\nfunction stateOf(",
      },
    ],
    caughtBy: { file: "feed-gaps", test: "a follower misses nothing" },
  },
  {
    name: "no fence",
    file: `${store}/publish.ts`,
    changes: [{ from: "if (term === undefined) throw new Fenced();", to: "" }],
    caughtBy: { file: "fence", test: "is shut out" },
  },
  {
    name: "as_of does not wait for denials",
    file: `${store}/feed-head.ts`,
    changes: [{ from: "AND denying AND applied_at IS NULL", to: "AND false AND applied_at IS NULL" }],
    caughtBy: { file: "feed-http", test: "stays behind a denial" },
  },
  {
    name: "a denial that cannot be applied is let pass",
    file: "apps/worker/src/drain.ts",
    changes: [
      { from: "if (denying !== undefined) await failClosed(", to: "if (denying === undefined) await failClosed(" },
    ],
    caughtBy: { file: "poison", test: "denies at once" },
  },
  {
    name: "one faulty event fails its whole batch",
    file: "apps/worker/src/drain.ts",
    changes: [{ from: "if (bySubject.length === 1) {", to: "if (bySubject.length > 0) {" }],
    caughtBy: { file: "poison", test: "is alone in its failure" },
  },
  {
    name: "who comes first keeps nothing: a subject is taken from its living owner",
    file: "apps/core/src/domain/converge.ts",
    changes: [{ from: 'return owner.holds ? "taken" : "recycled";', to: 'return "recycled";' }],
    caughtBy: { file: "poison", test: "denies nobody by failing" },
  },
  {
    name: "a tombstone is judged by its last profile",
    file: "apps/core/src/domain/converge.ts",
    changes: [{ from: 'state.deleted ? ["idp_deleted"] : ', to: "" }],
    caughtBy: { file: "tombstone", test: "delivered once more, brings nobody back" },
  },
  {
    name: "the provider's reactivation lifts every reason",
    file: `${store}/converge-users.ts`,
    changes: [{ from: "reason IN ('idp_inactive', 'idp_deleted', 'poison')", to: "true" }],
    caughtBy: { file: "tombstone", test: "stands when the provider reactivates the user" },
  },
  {
    name: "a denial that was lifted in time never happened",
    file: `${store}/converge.ts`,
    changes: [{ from: "killsMs.length === 0 ? undefined : Math.max(...killsMs)", to: "undefined" }],
    caughtBy: { file: "tombstone", test: "has still killed the tokens before it" },
  },
  {
    name: "a recycled name keeps its old owner's tokens",
    file: "apps/core/src/domain/revocation.ts",
    changes: [{ from: "recycled || newlyDenied ? [atMs] : []", to: "newlyDenied ? [atMs] : []" }],
    caughtBy: { file: "tombstone", test: "in which the old one is renamed" },
  },
  {
    name: "an edge may outlive its member",
    file: `${store}/membership-edges.ts`,
    changes: [{ from: "ORDER BY id FOR KEY SHARE", to: "" }],
    caughtBy: { file: "concurrency", test: "the queue on postgres > a user who is deleted while a group takes it in" },
  },
  {
    name: "the end of a group does not wait for who is about to make it",
    file: `${store}/converge-groups.ts`,
    changes: [
      {
        from: "FROM directory_group WHERE id = ANY(${ids}::uuid[]) ORDER BY id",
        to: "FROM directory_group WHERE id = ANY(${ids}::uuid[]) AND deleted_at IS NULL ORDER BY id",
      },
    ],
    caughtBy: { file: "interleavings", test: "a group that is deleted while a worker puts somebody into it" },
  },
  {
    name: "a Bulk runs everything beside everything",
    file: "apps/ingest/src/scim/bulk-order.ts",
    changes: [{ from: "return before;", to: "return new Set();" }],
    caughtBy: { file: "bulk-sequence", test: "a Bulk ends as its operations" },
  },
  {
    name: "what changes take is taken from denials",
    file: "apps/ingest/src/scim/admission.ts",
    changes: [{ from: "take(`${kind}:${laneOf(caller)}`", to: "take(laneOf(caller)" }],
    caughtBy: { file: "rate-limits", test: "on postgres > a flood of changes" },
  },
  {
    name: "a person says who they are",
    file: "apps/ingest/src/scim/me-attributes.ts",
    changes: [{ from: "if (!isUnsaid && !sameJson(held, after[name])) {", to: "if (after[name] === null) {" }],
    caughtBy: { file: "person-tokens", test: "userName, by PATCH" },
  },
  {
    name: "the queue is the record: nothing sweeps",
    file: "apps/worker/src/sweep.ts",
    changes: [{ from: "of await lanesWaiting(database, everyMs)", to: "of []" }],
    caughtBy: { file: "queue-down", test: "gone, changes are acknowledged and applied" },
  },
  ...pipelineMutants,
  ...outageMutants,
  ...sourceMutants,
  ...vendorMutants,
  ...webhookMutants,
  ...scimMutants,
  ...membershipMutants,
  ...provisioningMutants,
  ...providerMutants,
  ...readBackMutants,
  ...pullMutants,
  ...lagMutants,
  ...compareMutants,
  ...listMutants,
  ...egressMutants,
  ...securityEventMutants,
  ...introspectionMutants,
  ...agentMutants,
  ...refusalMutants,
  ...explainMutants,
  ...identityMutants,
  ...adminMutants,
  ...doorMutants,
];

/** The source with the mistake in it. Throws where it cannot be made as written: a mutant that changes nothing proves nothing. */
export function mutate(source: string, mutant: Mutant): string {
  return mutant.changes.reduce((text, { from, to }) => {
    const pattern = new RegExp(from.split(/\s+/).map(escapeRegExp).join("\\s+"), "g");
    const found = text.match(pattern)?.length ?? 0;
    if (found !== 1)
      throw new Error(`${mutant.name}: ${mutant.file} has ${found} places like ${JSON.stringify(from)}, expected one`);
    return text.replace(pattern, () => to);
  }, source);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
