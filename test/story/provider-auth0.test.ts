import { expect, onTestFinished, test } from "vitest";
import type { Provider } from "@rollcall/reconciler/providers";
import { type Auth0Person, startAuth0Server } from "../harness/providers/auth0-server.ts";
import { openAt, peopleOf, secretOfScenes } from "../harness/providers/provider-scenes.ts";

const never = new AbortController().signal;
const moment = "2025-01-02T03:04:05.678Z";

test("more people than Auth0 answers of one search are all listed, each once", async () => {
  // As an import creates them: forty in each moment.
  const users = peopleOf(2_345).map((person, index) => ({
    ...person,
    createdAt: new Date(Date.UTC(2025, 0, 1) + Math.floor(index / 40)).toISOString(),
  }));
  const ids = await listAll(await open(users));
  expect(new Set(ids).size).toBe(2_345);
  expect(ids).toHaveLength(2_345);
});

test("all are listed also where it counts no further than it answers", async () => {
  const users = peopleOf(1_250).map((person, index) => ({
    ...person,
    createdAt: new Date(Date.UTC(2025, 0, 1) + index).toISOString(),
  }));
  const server = await startAuth0Server({ users }, { clientId: "rollcall", secret: secretOfScenes });
  onTestFinished(() => server.close());
  server.meddle((reply) => {
    const page = reply.body as { readonly total?: number };
    return page.total === undefined ? reply : { ...reply, body: { ...page, total: Math.min(page.total, 1_000) } };
  });
  const provider = openAt(server, { kind: "auth0", clientId: "rollcall" }, secretOfScenes, { pageSize: 100 });
  expect(await listAll(provider)).toHaveLength(1_250);
});

test.each([100, 101, 250, 999])("%i people of one moment are all listed", async (count) => {
  const before = { id: "a", name: "A", email: "a@example.com", active: true, createdAt: "2024-01-01T00:00:00.000Z" };
  const after = { ...before, id: "z", createdAt: "2025-06-01T00:00:00.000Z" };
  const users = [before, ...peopleOf(count).map((person) => ({ ...person, createdAt: moment })), after];
  expect(await listAll(await open(users))).toHaveLength(count + 2);
});

test("more people of one moment than Auth0 answers are not listed in part", async () => {
  const users = peopleOf(1_001).map((person) => ({ ...person, createdAt: moment }));
  await expect(listAll(await open(users))).rejects.toMatchObject({ reason: "incomplete" });
});

test("people who come and go while they are listed hide nobody: what was counted is not what was listed", async () => {
  const users = peopleOf(600).map((person, index) => ({
    ...person,
    createdAt: new Date(Date.UTC(2025, 0, 1) + index).toISOString(),
  }));
  const directory: { users: readonly Auth0Person[] } = { users };
  const server = await startAuth0Server(directory, { clientId: "rollcall", secret: secretOfScenes });
  onTestFinished(() => server.close());
  const provider = openAt(server, { kind: "auth0", clientId: "rollcall" }, secretOfScenes, { pageSize: 100 });
  const ids = new Set<string>();
  const listing = async (): Promise<void> => {
    for await (const page of provider.listUsers(never)) {
      for (const { id } of page) ids.add(id);
      // The first who is left goes, and one comes at the end: the total stays.
      const [first, ...rest] = directory.users;
      if (first === undefined || ids.size >= 550) continue;
      const createdAt = new Date(Date.UTC(2025, 0, 2) + ids.size).toISOString();
      directory.users = [...rest, { ...first, id: `late-${ids.size}`, createdAt }];
    }
  };
  await expect(listing()).rejects.toMatchObject({ reason: "incomplete" });
  for (const { id } of users) expect(ids).toContain(id);
});

test("by a user name that is no address nobody is proved absent", async () => {
  const provider = await open([]);
  await expect(provider.readUser({ userName: "ann" }, never)).rejects.toMatchObject({ reason: "malformed" });
});

test("an address is found however it is written", async () => {
  const [person] = peopleOf(1);
  if (person === undefined) return expect.fail("there is nobody");
  for (const email of ["ann@example.com", "Ann@Example.com"]) {
    const provider = await open([{ ...person, email, createdAt: moment }]);
    expect((await provider.readUser({ email: "Ann@Example.com" }, never))?.id).toBe(person.id);
  }
});

async function open(users: readonly Auth0Person[]): Promise<Provider> {
  const server = await startAuth0Server({ users }, { clientId: "rollcall", secret: secretOfScenes });
  onTestFinished(() => server.close());
  return openAt(server, { kind: "auth0", clientId: "rollcall" }, secretOfScenes, { pageSize: 100 });
}

async function listAll(provider: Provider): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const page of provider.listUsers(never)) ids.push(...page.map(({ id }) => id));
  return ids;
}
