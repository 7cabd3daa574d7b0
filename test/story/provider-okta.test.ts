import { expect, onTestFinished, test } from "vitest";
import { openAt, peopleOf, secretOfScenes } from "../harness/providers/provider-scenes.ts";
import { startOktaServer } from "../harness/providers/okta-server.ts";

const never = new AbortController().signal;

test.each([
  ["ACTIVE", true],
  ["PROVISIONED", true],
  ["RECOVERY", true],
  ["PASSWORD_EXPIRED", true],
  ["LOCKED_OUT", true],
  ["STAGED", false],
  ["SUSPENDED", false],
  ["DEPROVISIONED", false],
])("a user of Okta who is %s is active: %s, listed or read", async (status, active) => {
  const users = peopleOf(3).map((person) => ({ ...person, status }));
  const { provider } = await open(users);
  const listed: boolean[] = [];
  for await (const page of provider.listUsers(never)) listed.push(...page.map(({ attributes }) => attributes.active));
  expect(listed).toEqual([active, active, active]);
  expect((await provider.readUser({ id: "id-1" }, never))?.attributes.active).toBe(active);
});

test("Okta is left alone while its budget is spent, and asked on when it is whole again", async () => {
  const { provider, server } = await open(peopleOf(8).map((person) => ({ ...person, status: "ACTIVE" })));
  const second = 1_767_323_045;
  const date = new Date(second * 1_000).toUTCString();
  let page = 0;
  server.meddle((reply) => {
    page += 1;
    // The second page spends the budget; the third is asked for too early, and says when it is not.
    const reset = { date, "x-rate-limit-reset": String(second) };
    if (page === 2) return { ...reply, headers: { ...reply.headers, ...reset, "x-rate-limit-remaining": "0" } };
    return page === 3 ? { status: 429, headers: reset, body: { errorCode: "E0000047" } } : reply;
  });
  let listed = 0;
  for await (const users of provider.listUsers(never)) listed += users.length;
  expect([listed, page]).toEqual([8, 4]);

  server.meddle(() => ({ status: 429, headers: { date, "x-rate-limit-reset": String(second + 300) }, body: {} }));
  await expect(provider.readUser({ id: "id-1" }, never)).rejects.toMatchObject({
    reason: "throttled",
    retryAfterSec: 300,
  });
});

async function open(users: Parameters<typeof startOktaServer>[0]["users"]) {
  const server = await startOktaServer({ users }, { ssws: secretOfScenes });
  onTestFinished(() => server.close());
  return { server, provider: openAt(server, { kind: "okta" }, secretOfScenes, { attemptsMax: 3 }) };
}
