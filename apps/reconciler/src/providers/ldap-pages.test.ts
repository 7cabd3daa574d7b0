import { PresenceFilter } from "ldapts";
import { describe, expect, test } from "vitest";
import { createMemberNames } from "./ldap-members.ts";
import { allPages } from "./ldap-pages.ts";
import type { LdapEntry, LdapSearch } from "./ldap-session.ts";

const search: LdapSearch = {
  filter: new PresenceFilter({ attribute: "objectClass" }),
  scope: "sub",
  attributes: ["uid"],
};
const entries = (count: number): readonly LdapEntry[] =>
  Array.from({ length: count }, (_, index) => ({ dn: `uid=${index}` }));

/** Pages as the client answers them, which ends at the first empty one: `upTo` is where the server sent such a one. */
function session(all: readonly LdapEntry[], upTo: number, endsEmpty: (pageSize: number) => boolean) {
  return {
    pages: async function* (_base: string, _search: LdapSearch, pageSize: number) {
      for (let from = 0; from < upTo; from += pageSize) yield all.slice(from, Math.min(from + pageSize, upTo));
      if (endsEmpty(pageSize)) yield [];
    },
  };
}

async function list(pages: AsyncIterable<readonly LdapEntry[]>): Promise<number> {
  let listed = 0;
  for await (const page of pages) listed += page.length;
  return listed;
}

describe("pages over LDAP", () => {
  const paging = { pageSize: 5, idName: "uid" };

  test("end with one that is not empty", async () => {
    expect(
      await list(
        allPages(
          session(entries(7), 7, () => false),
          "",
          search,
          paging,
        ),
      ),
    ).toBe(7);
  });

  test("end with an empty one where the last was full, and others by another size", async () => {
    expect(
      await list(
        allPages(
          session(entries(10), 10, (size) => 10 % size === 0),
          "",
          search,
          paging,
        ),
      ),
    ).toBe(10);
  });

  test("do not end with an empty one in the middle", async () => {
    await expect(
      list(
        allPages(
          session(entries(20), 10, () => true),
          "",
          search,
          paging,
        ),
      ),
    ).rejects.toMatchObject({ reason: "incomplete" });
  });

  test("do not end where a second count is another", async () => {
    let asked = 0;
    const changing = {
      pages: (base: string, wanted: LdapSearch, size: number) => {
        asked += 1;
        return session(entries(20), asked === 1 ? 10 : 12, (pageSize) => pageSize === 5).pages(base, wanted, size);
      },
    };
    await expect(list(allPages(changing, "", search, paging))).rejects.toMatchObject({ reason: "incomplete" });
  });
});

describe("members that come in ranges", () => {
  const users = new PresenceFilter({ attribute: "uid" });
  const names = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, index) => `cn=${from + index}`);
  const idsOf = async (
    ranges: Readonly<Record<string, LdapEntry | undefined>>,
    first: LdapEntry,
  ): Promise<readonly string[]> => {
    const members = createMemberNames();
    for (const name of names(0, 10)) members.add(name, `id of ${name}`);
    const asking = {
      search: async (_base: string, { attributes }: LdapSearch) => {
        const entry = ranges[attributes[0] ?? ""];
        return entry === undefined ? [] : [entry];
      },
      pages: () => expect.fail("nobody pages here"),
      close: () => undefined,
    };
    return members.idsOf(asking, first, [], { users, dialect: "activeDirectory" });
  };
  const first = { dn: "cn=all", member: [], "member;range=0-3": names(0, 4) };

  test("are all asked for", async () => {
    const ranges = {
      "member;range=4-*": { dn: "cn=all", "member;range=4-7": names(4, 8) },
      "member;range=8-*": { dn: "cn=all", "member;range=8-*": names(8, 10) },
    };
    expect(await idsOf(ranges, first)).toEqual(names(0, 10).map((name) => `id of ${name}`));
  });

  test.each([
    ["nothing", undefined],
    ["no range", { dn: "cn=all" }],
    ["an empty range", { dn: "cn=all", "member;range=4-7": [] }],
    ["the same range", { dn: "cn=all", "member;range=0-3": names(0, 4) }],
    ["a range further on", { dn: "cn=all", "member;range=6-*": names(6, 10) }],
  ])("are not all there where the next is %s", async (_name, entry) => {
    await expect(idsOf({ "member;range=4-*": entry }, first)).rejects.toMatchObject({ reason: "incomplete" });
  });
});
