import { Client } from "pg";
import { expect, onTestFinished, vi } from "vitest";
import { sql } from "@rollcall/core/store";
import type { House } from "./house.ts";
import type { TestTenant } from "./tenant.ts";
import { until } from "./until.ts";

type Viewer = { readonly id: string; readonly token: string };
type Headers = Readonly<Record<string, string>>;

/** A page of a tenant, as it is left open: what it hears, whether the other side has ended it, and how it is left. */
export type Follower = { heard(): string; hasEnded(): boolean; leave(): void };

/** Whoever looks at a tenant, with a token or with a session of a browser. */
export function followerIn(house: House) {
  return {
    viewerOf: async ({ id }: TestTenant): Promise<Viewer> =>
      house.credentials.issue({ purpose: "admin", tenantId: id, label: "follower", role: "viewer" }),
    /** A browser's session, begun with a token. */
    sessionOf: async (token: string): Promise<Headers> => {
      const begun = await exchangeToken(house, token);
      return { cookie: begun.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "" };
    },
    follow: async ({ slug }: TestTenant, headers: Headers, closing = new AbortController()): Promise<Follower> => {
      onTestFinished(() => closing.abort());
      const address = `${house.url}/v1/admin/tenants/${slug}/stream`;
      const answer = await fetch(address, { headers, signal: closing.signal });
      expect(answer.headers.get("content-type")).toContain("text/event-stream");
      let heard = "";
      let isOver = false;
      void (async () => {
        for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>)
          heard += Buffer.from(piece).toString();
        isOver = true;
      })().catch(() => undefined);
      await until("the stream is open", () => heard.includes(": hello"));
      return { heard: () => heard, hasEnded: () => isOver, leave: () => closing.abort() };
    },
  };
}

export function bearer(token: string): Headers {
  return { authorization: `Bearer ${token}` };
}

export function exchangeToken({ url }: House, token: string): Promise<Response> {
  return fetch(`${url}/v1/admin/login/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
}

export function logOut({ url }: House, session: Headers): Promise<Response> {
  const headers = { ...session, "x-rollcall-request": "1", origin: url };
  return fetch(`${url}/v1/admin/logout`, { method: "POST", headers });
}

/** Has the hands on all that is done every so often from now on: it is done when the story says so. */
export async function holdIntervals({ database }: House) {
  // Whoever leads signs every so often, and is no part of the story.
  await until("the publisher leads", async () => {
    const rows = await database.house(
      sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 7305601 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    return rows.length === 1;
  });
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  return {
    held: () => vi.getTimerCount(),
    /** A token is believed for a second, so once may be too soon. */
    advanceUntil: (what: string, holds: () => boolean) =>
      until(what, () => {
        vi.advanceTimersByTime(15_000);
        return holds();
      }),
  };
}

/** Nobody learns whose a token is until it is let go. */
export async function lockCredentials({ databaseUrl }: House): Promise<{ letGo(): Promise<void> }> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("BEGIN");
  await client.query("LOCK TABLE credential IN ACCESS EXCLUSIVE MODE");
  return {
    letGo: async () => {
      await client.query("ROLLBACK");
      await client.end();
    },
  };
}
