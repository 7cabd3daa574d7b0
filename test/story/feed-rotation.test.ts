import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readFeedKeys, signingWith, withNewKey, withoutKey, writeFeedKeys } from "@rollcall/cli/feed-keys";
import { denySubject } from "@rollcall/core/store";
import { openFeedReader, readCheckpoint, get } from "../harness/feed-reader.ts";
import { cloneDatabase, feedKeys, openHouse, type House } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const databaseUrl = await cloneDatabase();
const act = { actor: "test", at: new Date() };

test("a follower goes on without a gap through a rotation, and what a withdrawn key signed is refused", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-keys-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const file = path.join(directory, "feed-keys.json");
  await writeFile(file, await feedKeys());
  // One address for all of them, as a load balancer in front of the feed's processes.
  const front = await openFront();
  const restart = async (): Promise<House> => {
    const next = await openHouse({ without: ["worker"], databaseUrl, feedKeys: await readFile(file, "utf8") });
    front.leadTo(next.url);
    return next;
  };

  const first = await restart();
  const tenant = await createTenant(first);
  const address = { url: front.url, feed: tenant.slug, token: tenant.feedToken };
  const follower = openFeedReader(address);
  const follow = async (sub: string, house: House): Promise<void> => {
    await denySubject(house.database, tenant.id, { iss: tenant.issuer, sub }, act);
    await untilQuiet(house, tenant.id);
    await until(`the follower holds ${sub}`, async () => {
      await follower.catchUp(1);
      return follower.seen.at(-1)?.sub === sub;
    });
  };
  await follow("before", first);
  const old = await get(address, "/changes?since=1-1");
  const oldKid = readFeedKeys(file)[0]?.kid ?? "";

  writeFeedKeys(file, await withNewKey(readFeedKeys(file), "EdDSA"));
  await follow("published", await restart());
  const newKid = readFeedKeys(file)[1]?.kid ?? "";
  expect(() => withoutKey(readFeedKeys(file), oldKid, "rollcall feed key")).toThrow("signs: put another key first");
  writeFeedKeys(file, signingWith(readFeedKeys(file), newKid));
  await follow("signing", await restart());
  // What was signed before can still be verified, as caches still hold it.
  expect(await readCheckpoint(address, old)).toMatchObject({ seq: 1 });
  writeFeedKeys(file, withoutKey(readFeedKeys(file), oldKid, "rollcall feed key"));
  await follow("withdrawn", await restart());

  expect(follower.seen.map(({ sub, seq }) => [seq, sub])).toEqual([
    [1, "before"],
    [2, "published"],
    [3, "signing"],
    [4, "withdrawn"],
  ]);
  await expect(readCheckpoint(address, old)).rejects.toThrow();
});

async function openFront() {
  let target = "";
  const server = createServer((request, response) => {
    const headers = { authorization: request.headers.authorization ?? "" };
    fetch(`${target}${request.url}`, { headers, redirect: "manual" })
      .then(async (answer) => {
        const { "content-encoding": _coding, ...kept } = Object.fromEntries(answer.headers);
        const body = Buffer.from(await answer.arrayBuffer());
        delete kept["content-length"];
        delete kept["transfer-encoding"];
        response.writeHead(answer.status, kept).end(body);
      })
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => server.closeAllConnections());
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, leadTo: (url: string) => void (target = url) };
}
