import { readdirSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { connectionKinds } from "@rollcall/core/domain";
import { sql } from "@rollcall/core/store";
import { describe, expect, test } from "vitest";
import { type FeedReader, openFeedReader } from "../harness/feed-reader.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";
import {
  type Arrived,
  readRecording,
  replay,
  stages,
  type WireDoor,
  type WireRequest,
  type WireResponse,
} from "../wire/replay.ts";

const house = await openHouse();
const recordings = readdirSync(new URL("../wire", import.meta.url), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".json"))
  .toSorted();

describe("every recorded conversation is answered as recorded, and comes of it what is recorded", () => {
  test.each(recordings)("%s", async (file) => {
    const kind = kindOf(file);
    // PingFederate knows people by their names, and sends no external id.
    const tenant = await createTenant(house, { kind, ...(kind === "ping" ? { subjectAttribute: "userName" } : {}) });
    await expect(replay(readRecording(file), doorOf(tenant))).resolves.toBeUndefined();
  });
});

describe("the recordings", () => {
  test.each(connectionKinds)("of %s go through a whole life", (kind) => {
    const steps = recordings.filter((file) => kindOf(file) === kind).flatMap(readRecording);
    const lived = new Set(steps.map((step) => ("stage" in step ? step.stage : undefined)));
    expect(stages.filter((stage) => !lived.has(stage))).toEqual([]);
  });

  test.each([
    ["entra", "E", 14],
    ["okta", "O", 9],
  ])("of %s have each habit that is known of it, %s1 to %s", (kind, letter, count) => {
    const names = recordings
      .filter((file) => kindOf(file) === kind)
      .flatMap(readRecording)
      .map(({ name }) => name);
    const habits = Array.from({ length: count }, (_none, index) => `${letter}${index + 1}`);
    expect(habits.filter((habit) => !names.some((name) => name.startsWith(`${habit} `)))).toEqual([]);
  });
});

function kindOf(file: string): string {
  return file.split(/[/\\]/, 1)[0] ?? "";
}

function doorOf(tenant: TestTenant): WireDoor {
  let told = 0;
  const gateway = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  return {
    send: (request) => send(tenant.scimToken, request),
    arrived: async (feed) => {
      await untilQuiet(house, tenant.id);
      const events = await house.database.once<{ id: number; kind: string }>(
        tenant.id,
        sql`SELECT id, kind FROM lifecycle_event WHERE id > ${told} ORDER BY id`,
      );
      told = events.at(-1)?.id ?? told;
      return {
        users: await usersOf(tenant),
        feed: await feedOf(gateway, feed),
        events: events.map(({ kind }) => kind),
      };
    },
  };
}

async function usersOf(tenant: TestTenant): Promise<Arrived["users"]> {
  const users = await readUserStore(house, tenant.id);
  return [...users.values()].map(({ userName, denials, identities, groups }) => ({
    userName,
    denials,
    identities,
    groups,
  }));
}

/** What a gateway holds once it has heard what it is to hear: it hears of a publication a moment after it. */
async function feedOf(gateway: FeedReader, wanted: object | undefined): Promise<Arrived["feed"]> {
  const follow = async () => {
    await gateway.catchUp();
    // A denial that was lifted before anybody published it leaves `nbf`, and one after it `allow` with
    // the same moment: which of the two is a matter of moments, and to a gateway they are one.
    return Object.fromEntries([...gateway.held.values()].map(({ sub, op }) => [sub, op === "deny" ? "deny" : "nbf"]));
  };
  const heard = async () => isDeepStrictEqual(await follow(), wanted);
  // What it holds instead is what the complaint will show.
  if (wanted !== undefined) await until("the gateway holds what it is to hold", heard).catch(() => undefined);
  return follow();
}

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
