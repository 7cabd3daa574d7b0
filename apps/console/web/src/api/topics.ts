import type { QueryClient } from "@tanstack/react-query";

/** What an answer is about. A change of one is a reason to ask for others again. */
export const topics = [
  "overview",
  "lag",
  "alerts",
  "objectives",
  "gateways",
  "connections",
  "users",
  "groups",
  "events",
  "deadletters",
  "revocations",
  "runs",
  "drift",
  "pulls",
  "audit",
  "tokens",
  "refusals",
] as const;
export type Topic = (typeof topics)[number];

/** What else shows a change that the stream tells of by its own name. */
const shownBy: Readonly<Record<string, readonly Topic[]>> = {
  events: ["events", "deadletters", "users", "groups", "overview", "connections", "drift"],
  people: ["users", "groups", "overview"],
  revocations: ["revocations", "users", "overview"],
  gateways: ["gateways", "overview"],
  alerts: ["alerts", "overview"],
  runs: ["runs", "drift", "pulls"],
  lag: ["lag", "overview"],
  // Whatever a person changes is in the audit, and of much of it no other mark tells.
  audit: topics,
};

/** Asks again for all that is on the page and may have changed. A name that is not known here may mean everything. */
export async function invalidate(client: QueryClient, tenant: string, changed: readonly string[]): Promise<void> {
  const stale = new Set(changed.flatMap((name) => shownBy[name] ?? (isTopic(name) ? [name] : topics)));
  await client.invalidateQueries({
    predicate: ({ queryKey: [place, topic] }) => place === tenant && stale.has(topic as Topic),
  });
}

function isTopic(name: string): name is Topic {
  return (topics as readonly string[]).includes(name);
}
