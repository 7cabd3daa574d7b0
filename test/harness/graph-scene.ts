import { onTestFinished } from "vitest";
import type { House } from "./house.ts";
import { type GraphTenant, startGraphTenant } from "./providers/graph-notifier.ts";
import { addProvider } from "./read-back-scene.ts";
import type { TestTenant } from "./tenant.ts";

/** A tenant at Microsoft Graph that is asked about the connection's users, and that tells the house of them. */
export async function addGraph(
  house: House,
  tenant: TestTenant,
  settings: Readonly<Record<string, string>> = {},
): Promise<GraphTenant> {
  const graph = await startGraphTenant((url) => url.replace("https://rollcall.test", house.url));
  onTestFinished(() => graph.server.close());
  const { origin } = graph.server;
  await addProvider(house, tenant, "microsoft-graph", {
    tenant: "acme.example",
    clientId: "rollcall",
    url: origin,
    loginUrl: origin,
    pace: { perSec: 1_000, attemptsMax: 1, timeoutMs: 2_000 },
    ...settings,
  });
  return graph;
}
