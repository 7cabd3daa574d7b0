import { describe, expect, test } from "vitest";
import { type Provider, ProviderFailure, type ProviderGroup } from "@rollcall/reconciler/providers";
import { peopleOf, vendors } from "../harness/providers/provider-scenes.ts";

const never = new AbortController().signal;
const people = peopleOf(8);
const ids = people.map(({ id }) => id);
const groups = [
  { id: "g1", name: "Sales", members: ids.slice(0, 5) },
  { id: "g2", name: "Nobody", members: [] },
  { id: "g3", name: "Board", members: ids.slice(7) },
  { id: "g4", name: "Staff", members: ids.slice(2, 4) },
];
const withGroups = vendors.filter(({ name }) => /Okta|Graph|Google/.test(name));
const memberPath = /\/g1\/(?:users|members)$/;

describe.each(withGroups)("$name lists groups", (vendor) => {
  test("with the ids of all who are in them, across pages", async () => {
    const { provider } = await vendor.open(people, { groups, pageSize: 2 });
    expect(await listAll(provider)).toEqual(
      groups.map(({ id, name, members }) => ({ id, attributes: { displayName: name, externalId: id }, members })),
    );
  });

  test("where the credential may read them, and nowhere else", async () => {
    const { provider } = await vendor.open(people);
    expect(provider.listGroups).toBeUndefined();
    expect((await provider.readUser({ id: "id-1" }, never))?.id).toBe("id-1");
  });

  test.each([
    ["a page of groups fails", /\/groups$/, 500],
    ["a page of members fails", memberPath, 500],
    ["the first page of members fails", /\/g3\/(?:users|members)$/, 500],
    ["a group is gone by the time", /\/g4\/(?:users|members)$/, 404],
  ])("not when %s", async (_name, path, status) => {
    const scene = await vendor.open(people, { groups, pageSize: 2 });
    let asked = 0;
    scene.server.meddle((reply, { url }) => {
      if (!path.test(url.pathname)) return reply;
      asked += 1;
      const isFailing = path === memberPath || path.test("/groups") ? asked === 2 : true;
      return isFailing ? { status, body: {} } : reply;
    });
    await expectFailure(scene.provider, "incomplete");
  });

  test("not when a page of members is the first once more", async () => {
    const scene = await vendor.open(people, { groups, pageSize: 2 });
    let first: unknown;
    scene.server.meddle((reply, { url }) => {
      if (!memberPath.test(url.pathname)) return reply;
      first ??= reply.body;
      return { ...reply, body: Array.isArray(first) ? first : { ...(reply.body as object), ...memberList(first) } };
    });
    await expectFailure(scene.provider, "incomplete");
  });

  test("not when they may not be read after all", async () => {
    const scene = await vendor.open(people, { groups, pageSize: 2 });
    scene.server.meddle((reply, { method }) => (method === "GET" ? { status: 403, body: {} } : reply));
    await expectFailure(scene.provider, "forbidden");
  });
});

describe("Google", () => {
  const google = vendors.find(({ name }) => name === "Google Directory");

  test("means all of an account by one member of a group, and each of them once", async () => {
    const everybody = [
      { id: "g1", name: "All", members: ["everybody", "id-2", "g2", "id-3", "id-4"] },
      { id: "g2", name: "More", members: ["g1", "id-1"] },
    ];
    const scene = await google?.open(people, { groups: everybody });
    expect((await listAll(scene?.provider)).map(({ members }) => members)).toEqual([
      [...ids, "g2"],
      ["g1", "id-1"],
    ]);
  });
});

describe("Microsoft Graph", () => {
  const graph = vendors.find(({ name }) => name === "Microsoft Graph");

  test("has devices in groups, who are nobody, and groups, who are", async () => {
    const mixed = [
      { id: "g1", name: "Mixed", members: ["a-laptop", "a-phone", "a-desk", "id-1", "g2"] },
      { id: "g2", name: "Other", members: ["id-2"] },
    ];
    const scene = await graph?.open(people, { groups: mixed });
    expect((await listAll(scene?.provider)).map(({ members }) => members)).toEqual([["id-1", "g2"], ["id-2"]]);
  });
});

function memberList(body: unknown): object {
  const page = body as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    ["value", "members"].filter((name) => page[name] !== undefined).map((name) => [name, page[name]]),
  );
}

async function listAll(provider: Provider | undefined): Promise<readonly ProviderGroup[]> {
  const all: ProviderGroup[] = [];
  for await (const page of provider?.listGroups?.(never) ?? expect.fail("it lists no groups")) all.push(...page);
  return all;
}

async function expectFailure(provider: Provider, reason: ProviderFailure["reason"]): Promise<void> {
  const failure = await listAll(provider).then(
    (answer) => expect.fail(`it answered ${JSON.stringify(answer)}`),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ProviderFailure);
  expect(failure).toMatchObject({ reason });
}
