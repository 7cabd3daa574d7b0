import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { Connection, SourceEvent, SourceKind } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import type { SourceAdapter, SourceTools } from "../../apps/ingest/src/hooks/source-adapter.ts";
import { auth0Logs } from "../../apps/ingest/src/hooks/sources/auth0-logs.ts";
import { auth0 } from "../../apps/ingest/src/hooks/sources/auth0.ts";
import { graph } from "../../apps/ingest/src/hooks/sources/graph.ts";
import { okta } from "../../apps/ingest/src/hooks/sources/okta.ts";
import { standardWebhook } from "../../apps/ingest/src/hooks/sources/standard-webhook.ts";
import { workos } from "../../apps/ingest/src/hooks/sources/workos.ts";
import { readDelivery } from "../deliveries/read-delivery.ts";
import type { Target } from "./targets.ts";

type Headers = Readonly<Record<string, string>>;

const receivedAt = new Date("2026-01-02T03:05:00.000Z");
const secret = `whsec_${Buffer.from("fuzz").toString("base64")}`;
const kinds: ReadonlySet<SourceEvent["kind"]> = new Set([
  "created",
  "changed",
  "enabled",
  "disabled",
  "deleted",
  "sessions_ended",
]);
const nobodysKeys: SourceTools = {
  keys: { find: () => Promise.reject(new Error("nobody's keys are asked for")) },
  publicUrl: "https://rollcall.test",
};

const webhookBody = JSON.stringify({
  type: "user.updated",
  timestamp: "2026-01-02T03:04:05.000Z",
  data: { externalId: "00u1", userName: "ann@example.test", active: false, emails: [{ value: "ann@example.test" }] },
});
const graphBody = JSON.stringify({
  value: [
    {
      subscriptionId: "76222963",
      clientState: secret,
      changeType: "deleted",
      resource: "Users/0f1e",
      resourceData: { "@odata.type": "#Microsoft.Graph.User", id: "0f1e" },
    },
  ],
});

/** What sources say, once it is verified: a compromised sender signs whatever it likes. */
export function createSourceTargets(): readonly Target[] {
  return [
    targetOf("okta", okta, () => ({ authorization: secret }), deliveries("okta/leaver.json", "okta/several.json")),
    targetOf("auth0", auth0, bearer, deliveries("auth0/blocked.json", "auth0/created.json")),
    targetOf("auth0_logs", auth0Logs, () => ({ authorization: secret }), deliveries("auth0-logs/batch.json")),
    targetOf("workos", workos, signedByWorkos, deliveries("workos/inactive.json", "workos/created.json")),
    targetOf("webhook", standardWebhook, signedAsStandard, [webhookBody]),
    targetOf("graph", graph, () => ({}), [graphBody]),
  ];
}

function targetOf(
  kind: SourceKind,
  adapter: SourceAdapter,
  prove: (body: string) => Headers,
  seeds: readonly string[],
): Target {
  const source: OpenSource = {
    id: "0199b0a4-0000-7000-8000-000000000001",
    kind,
    connection: { issuers: ["https://idp.test"] } as unknown as Connection,
    settings: kind === "workos" ? { directory: "directory_01ECAZ4NV9QMV47GW873HDCX74" } : {},
    state: {},
    secrets: [secret],
    status: "enabled",
  };
  const read = (input: string): string => {
    const body = Buffer.from(input);
    const request = {
      method: "POST",
      headers: prove(body.toString()),
      query: new URLSearchParams(),
      body,
      receivedAt,
    } as const;
    const delivery = adapter.receive(request, source, nobodysKeys);
    assert.ok(!(delivery instanceof Promise), "reads at once");
    if (delivery.kind === "handshake") return "handshake";
    for (const { event } of delivery.events) checkEvent(event);
    return `${delivery.events
      .map(({ event }) => event.kind)
      .join(" ")
      .slice(0, 40)} ${Math.min(3, delivery.leftOut?.length ?? 0)}`;
  };
  return { name: kind, seeds, shape: "json", read };
}

/** Whatever comes out can be noted, looked for and decided. */
function checkEvent({ id, kind, occurredAt, subject, attributes }: SourceEvent): void {
  assert.ok(id !== "", "an event has an id");
  assert.ok(kinds.has(kind), "an event is of a known kind");
  assert.ok(occurredAt === undefined || Number.isFinite(occurredAt.getTime()), "a time is one, or is unknown");
  for (const name of [subject.id, subject.userName, subject.email])
    assert.ok(name === undefined || typeof name === "string", "a name is a text");
  if (attributes !== undefined) assert.equal(Object.getPrototypeOf(attributes), Object.prototype);
}

function bearer(): Headers {
  return { authorization: `Bearer ${secret}` };
}

function signedByWorkos(body: string): Headers {
  const atMs = receivedAt.getTime();
  return {
    "workos-signature": `t=${atMs}, v1=${createHmac("sha256", secret).update(`${atMs}.${body}`).digest("hex")}`,
  };
}

function signedAsStandard(body: string): Headers {
  const seconds = String(receivedAt.getTime() / 1_000);
  const signature = createHmac("sha256", "fuzz").update(`fuzz.${seconds}.${body}`).digest("base64");
  return { "webhook-id": "fuzz", "webhook-timestamp": seconds, "webhook-signature": `v1,${signature}` };
}

function deliveries(...names: readonly string[]): readonly string[] {
  return names.map(readDelivery);
}
