import type { Mutant } from "./mutant.ts";

const accepting = "apps/core/src/store/accept-source-event.ts";
const file = "source-webhook";
const orders = "source-webhook-orders";

/** Mistakes with events from outside: who is struck, which word is newer, and what is believed at all. */
export const webhookMutants: readonly Mutant[] = [
  {
    name: "an event that was noted before is taken in again",
    file: accepting,
    changes: [{ from: 'if (noted === "again") return', to: 'if (noted === "again" && sourceId === "") return' }],
    caughtBy: { file, test: "repeated after they were let in" },
  },
  {
    name: "a name strikes whoever has it now",
    file: "apps/core/src/store/named-users.ts",
    changes: [{ from: "(external_id IS NULL AND user_name_key =", to: "(user_name_key =" }],
    caughtBy: { file, test: "a name that went to somebody else" },
  },
  {
    name: "who comes does not look for what was said of them before",
    file: accepting,
    changes: [
      { from: 'write?.kind === "create" && (await applyParked', to: 'write?.kind === "delete" && (await applyParked' },
    ],
    caughtBy: { file: orders, test: "though the denial came before anybody knew them" },
  },
  {
    name: "what was said before somebody came takes their creation with it",
    file: accepting,
    changes: [
      { from: "(await unlessRefused(() => applying(event, false))) ??", to: "(await applying(event, false)) ??" },
    ],
    caughtBy: { file: orders, test: "a joiner comes, though something that was said of them before cannot be" },
  },
  {
    name: "a refusal of what was parked leaves half of it, or nothing of the rest",
    file: "apps/core/src/store/savepoint.ts",
    changes: [{ from: "await transaction.query(sql`ROLLBACK TO SAVEPOINT step`).catch(() => undefined);", to: "" }],
    caughtBy: { file: orders, test: "a joiner comes, though something that was said of them before cannot be" },
  },
  {
    name: "a parked denial that cannot be as it says denies nobody",
    file: accepting,
    changes: [
      { from: 'kind: isDenial(event) ? denial : "changed"', to: 'kind: denial === "deleted" ? denial : "changed"' },
    ],
    caughtBy: { file: orders, test: "a leaver is out, though what else the denial says of them cannot be" },
  },
  {
    name: "what is parked does not wait for who is coming",
    file: accepting,
    changes: [
      { from: "await lockNames(transaction, connection.id, event.subject);", to: "" },
      {
        from: "const arrived = await lockNamedUser(transaction, connection, event.subject, idAttribute);",
        to: "const arrived = undefined as LockedUser | undefined;",
      },
    ],
    caughtBy: { file: orders, test: "created and denied at the same moment" },
  },
  {
    name: "the last to come has the last word on every attribute",
    file: "apps/core/src/domain/attribute-times.ts",
    changes: [{ from: "return atMs === heldMs &&", to: "return atMs <= heldMs ||" }],
    caughtBy: { file: orders, test: "though its beginning may come last" },
  },
  {
    name: "an account that lives lets in whom SCIM has shut out",
    file: accepting,
    changes: [
      { from: 'lifts === "own" && isLifting(decision, user)', to: 'lifts !== "own" && isLifting(decision, user)' },
    ],
    caughtBy: { file, test: "whom SCIM has shut out only SCIM lets in" },
  },
  {
    name: "what was said of a name's old owner strikes whoever has it next",
    file: "apps/core/src/store/parked-events.ts",
    changes: [{ from: "AND NOT (coalesce(", to: "AND NOT (false AND coalesce(" }],
    caughtBy: { file: orders, test: "whoever has a leaver's name comes" },
  },
];
