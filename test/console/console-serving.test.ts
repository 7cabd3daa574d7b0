import { startPages } from "@rollcall/console";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";

const pages = await startPages({ ingestUrl: "https://scim.rollcall.test", onError: () => undefined });
const house = await openHouse({ parts: [pages] });
const ask = (path: string, headers: Record<string, string> = {}) =>
  fetch(house.url + path, { headers, redirect: "manual" });

describe("the console's pages are served", () => {
  test("under a policy that lets nothing run or load but what is ours", async () => {
    for (const path of [
      "/console/",
      "/console/t/acme/users",
      "/console/settings.json",
      "/console/assets/none.js",
      "/",
    ]) {
      const { headers } = await ask(path);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
    }
  });

  test("with nothing inline and nothing from elsewhere", async () => {
    const html = await (await ask("/console/")).text();
    expect(html).not.toMatch(/<style|style=|\son\w+=|<script(?![^>]*\ssrc=)/);
    const named = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url ?? "");
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((url) => !url.startsWith("/console/assets/"))).toEqual([]);
  });

  test("the document always anew, its assets for good and compressed", async () => {
    const document = await ask("/console/t/acme/explain");
    expect(document.status).toBe(200);
    expect(document.headers.get("cache-control")).toBe("no-cache");
    expect(document.headers.get("content-type")).toMatch(/^text\/html/);
    const [, script = ""] = /src="([^"]+\.js)"/.exec(await document.text()) ?? [];
    const asset = await ask(script, { "accept-encoding": "br" });
    expect(asset.status).toBe(200);
    expect(asset.headers.get("cache-control")).toMatch(/immutable/);
    expect(asset.headers.get("content-encoding")).toBe("br");
    expect(asset.headers.get("content-type")).toMatch(/javascript/);
  });

  test("and nothing besides: what is not there is not found, and no path leads out", async () => {
    expect((await ask("/console/assets/none.js")).status).toBe(404);
    for (const path of [
      "/console/assets/..%2findex.html",
      "/console/assets/..%2f..%2fpackage.json",
      "/console/assets/%2e%2e%2findex.html",
    ])
      expect([403, 404]).toContain((await ask(path)).status);
    expect((await ask("/consoles/")).status).toBe(404);
  });

  test("from the beginning of the house, and with where identity providers reach it", async () => {
    for (const path of ["/", "/console"]) {
      const answer = await ask(path);
      expect([answer.status, answer.headers.get("location")]).toEqual([302, "/console/"]);
    }
    expect(await (await ask("/console/settings.json")).json()).toEqual({
      scimUrl: "https://scim.rollcall.test/scim/v2",
    });
  });
});
