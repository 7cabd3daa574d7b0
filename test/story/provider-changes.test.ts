import { describe, expect, test } from "vitest";
import type { ProviderChanges } from "@rollcall/reconciler/providers";
import { openGraph, peopleOf } from "../harness/providers/provider-scenes.ts";

const people = peopleOf(6);
const never = new AbortController().signal;

describe("changes by Microsoft Graph's delta", () => {
  test("begin now, and tell of what came after", async () => {
    const { provider, directory } = await openGraph({ users: people, changes: [{ id: "id-6" }], forgottenBefore: 0 });
    const begun = await since(provider, undefined);
    expect(begun).toMatchObject({ users: [], deleted: [] });

    directory.changes = [
      ...directory.changes,
      { id: "id-1" },
      { id: "id-2", removed: "changed" },
      { id: "id-3" },
      { id: "id-4", removed: "deleted" },
      { id: "id-5" },
    ];
    directory.users = people.filter(({ id }) => id !== "id-2" && id !== "id-4");
    const changes = await since(provider, begun.mark);
    expect(changes.users.map(({ id, attributes }) => [id, attributes.active])).toEqual([
      ["id-1", true],
      // Only a title was said to have changed: what the user is now was read, whole.
      ["id-3", false],
      ["id-5", true],
    ]);
    expect(changes.deleted).toEqual(["id-2", "id-4"]);
    expect(await since(provider, changes.mark)).toEqual({ users: [], deleted: [], unread: [], mark: changes.mark });
  });

  test("of one user end with the last: deleted and restored, restored and deleted", async () => {
    const changes = [
      { id: "id-1", removed: "changed" as const },
      { id: "id-1" },
      { id: "id-2" },
      { id: "id-2", removed: "changed" as const },
    ];
    const { provider, server } = await openGraph({
      users: people.filter(({ id }) => id !== "id-2"),
      changes,
      forgottenBefore: 0,
    });
    const told = await since(provider, `${server.origin}/v1.0/users/delta?$deltatoken=0`);
    expect([told.users.map(({ id }) => id), told.deleted]).toEqual([["id-1"], ["id-2"]]);
  });

  test("of somebody who is gone by the time they are read are a deletion", async () => {
    const scene = await openGraph({ users: [], changes: [{ id: "id-1" }], forgottenBefore: 0 });
    const told = await since(scene.provider, `${scene.server.origin}/v1.0/users/delta?$deltatoken=0`);
    expect([told.users, told.deleted]).toEqual([[], ["id-1"]]);
  });

  test.each([
    ["410", 0],
    ["syncStateNotFound", 1],
  ])("are not made up where the mark is too old (%s), and nothing is lost by beginning again", async (_code, mark) => {
    const scene = await openGraph({
      users: people,
      changes: [{ id: "id-1" }, { id: "id-2" }, { id: "id-3" }],
      forgottenBefore: 3,
    });
    const { provider, server, directory } = scene;
    const old = `${server.origin}/v1.0/users/delta?$deltatoken=${mark}`;
    await expect(provider.changesSince?.(old, never)).rejects.toMatchObject({ reason: "expired" });

    // First the mark, then everybody, then on from the mark: who changes meanwhile is told of twice rather than never.
    const begun = await since(provider, undefined);
    directory.changes = [...directory.changes, { id: "id-4", removed: "deleted" }];
    directory.users = people.filter(({ id }) => id !== "id-4");
    const listed: string[] = [];
    for await (const page of provider.listUsers(never)) listed.push(...page.map(({ id }) => id));
    expect(listed).not.toContain("id-4");
    expect((await since(provider, begun.mark)).deleted).toEqual(["id-4"]);
  });

  test("that cannot all be read are none: the mark stays where it was", async () => {
    const scene = await openGraph({ users: people, changes: [{ id: "id-1" }, { id: "id-2" }], forgottenBefore: 0 });
    scene.server.meddle((reply, { url }) => (url.pathname.endsWith("/id-2") ? { status: 500, body: {} } : reply));
    const mark = `${scene.server.origin}/v1.0/users/delta?$deltatoken=0`;
    await expect(scene.provider.changesSince?.(mark, never)).rejects.toMatchObject({ reason: "unreachable" });
    scene.server.meddle(undefined);
    expect((await since(scene.provider, mark)).users.map(({ id }) => id)).toEqual(["id-1", "id-2"]);
  });

  test.each([
    ["another host", "http://127.0.0.2:1/v1.0/users/delta?$deltatoken=0"],
    ["no address at all", "7"],
    ["another part of the API", "SERVER/v1.0/groups/delta?$deltatoken=0"],
    ["users beside the delta", "SERVER/v1.0/users/delta/../../me"],
  ])("are asked of nobody else where the mark is %s", async (_name, mark) => {
    const { provider, server } = await openGraph({ users: people, changes: [], forgottenBefore: 0 });
    await expect(provider.changesSince?.(mark.replace("SERVER", server.origin), never)).rejects.toMatchObject({
      reason: "malformed",
    });
    expect(server.asked).toEqual([]);
  });

  test.each([
    ["without a link to go on from", { value: [] }, "incomplete"],
    [
      "with a removal for a reason of its own",
      { value: [{ id: "id-1", "@removed": { reason: "moved" } }], "@odata.deltaLink": "LINK" },
      "malformed",
    ],
    ["with nobody's id", { value: [{}], "@odata.deltaLink": "LINK" }, "malformed"],
    ["in a circle", { value: [], "@odata.nextLink": "LINK" }, "incomplete"],
    ["that go on elsewhere", { value: [], "@odata.nextLink": "http://127.0.0.2:1/v1.0/users/delta?x=1" }, "malformed"],
  ])("are not believed %s", async (_name, body, reason) => {
    const { provider, server } = await openGraph({ users: people, changes: [], forgottenBefore: 0 });
    const link = `${server.origin}/v1.0/users/delta?$deltatoken=0`;
    const text = JSON.stringify(body).replaceAll("LINK", link);
    server.meddle((reply, { method }) => (method === "GET" ? { ...reply, body: text } : reply));
    await expect(provider.changesSince?.(link, never)).rejects.toMatchObject({ reason });
  });
});

async function since(
  { changesSince }: Awaited<ReturnType<typeof openGraph>>["provider"],
  mark: string | undefined,
): Promise<ProviderChanges> {
  return (await changesSince?.(mark, never)) ?? expect.fail("it cannot say what has changed");
}
