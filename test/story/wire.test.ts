import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";
import { readExchanges, replay, type WireRequest, type WireResponse } from "../wire/replay.ts";

const house = await openHouse();
const recordings = readdirSync(new URL("../wire", import.meta.url), { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".json"),
);

describe("every recorded conversation is answered as recorded", () => {
  test.each(recordings.toSorted())("%s", async (file) => {
    const tenant = await createTenant(house, { kind: file.startsWith("entra") ? "entra" : "okta" });
    await expect(replay(readExchanges(file), (request) => send(tenant.scimToken, request))).resolves.toBeUndefined();
  });
});

async function send(token: string, { method, path, headers, body }: WireRequest): Promise<WireResponse> {
  const response = await fetch(`${house.url}/scim/v2${path}`, {
    method,
    headers:
      headers["authorization"] === undefined ? { authorization: `Bearer ${token}`, ...headers } : withoutEmpty(headers),
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}

/** An empty authorization stands for none: fetch would send the header without a value. */
function withoutEmpty(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ""));
}
