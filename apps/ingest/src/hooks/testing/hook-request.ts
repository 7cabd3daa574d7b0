import type { IncomingHttpHeaders } from "node:http";
import type { Connection, JsonObject, SourceEvent, SourceKind } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import type { HookRequest, LeftOut, SourceAdapter, SourceTools } from "../source-adapter.ts";

export const receivedAt = new Date("2026-01-02T03:05:00.000Z");

/** A source as the store opens it, with two secrets of which the second is the former. */
export function sourceOf(kind: SourceKind, settings: JsonObject = {}): OpenSource {
  return {
    id: "0199b0a4-0000-7000-8000-000000000001",
    kind,
    connection: { issuers: ["https://idp.test"] } as unknown as Connection,
    settings,
    state: {},
    secrets: ["present", "former"],
    status: "enabled",
  };
}

export function requestOf(body: unknown, headers: IncomingHttpHeaders, method: "GET" | "POST" = "POST"): HookRequest {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { method, headers, query: new URLSearchParams(), body: Buffer.from(text), receivedAt };
}

/** For sources whose senders publish no keys. */
export const noTools: SourceTools = {
  keys: { find: () => Promise.reject(new Error("nobody's keys are asked for")) },
  publicUrl: "https://rollcall.test",
};

export type Heard = {
  readonly events: readonly SourceEvent[];
  /** `code` or `code event`, one for each that was left out. */
  readonly leftOut: readonly string[];
};

/** What a source makes of a delivery. */
export async function hear(
  adapter: SourceAdapter,
  request: HookRequest,
  source: OpenSource,
  tools = noTools,
): Promise<Heard> {
  const delivery = await adapter.receive(request, source, tools);
  if (delivery.kind === "handshake") throw new Error("a handshake is no delivery");
  const named = ({ code, event }: LeftOut): string => (event === undefined ? code : `${code} ${event}`);
  return { events: delivery.events.map(({ event }) => event), leftOut: (delivery.leftOut ?? []).map(named) };
}
