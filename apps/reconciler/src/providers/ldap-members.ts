import { FilterParser, type Filter, OrFilter } from "ldapts";
import { type LdapDialect, ldapWords, readLdapId, valuesOf } from "./ldap-entry.ts";
import type { LdapEntry, LdapSession } from "./ldap-session.ts";
import { incomplete } from "./listing.ts";

/** Turns the names in a tree by which groups name their members into ids. */
export type MemberNames = {
  add(name: string, id: string): void;
  /** The ids of a group's members. Who is neither user nor group of this directory has none. */
  idsOf(
    session: LdapSession,
    group: LdapEntry,
    names: readonly string[],
    kinds: { readonly users: Filter; readonly dialect: LdapDialect },
  ): Promise<readonly string[]>;
};

export function createMemberNames(): MemberNames {
  const ids = new Map<string, string>();
  return {
    add: (name, id) => void ids.set(plainName(name), id),
    idsOf: async (session, group, names, kinds) => {
      const members: string[] = [];
      for (const name of [...names, ...(await rangedMembers(session, group))]) {
        const id = ids.get(plainName(name)) ?? (await findId(session, name, kinds));
        if (id !== undefined) members.push(id);
      }
      return members;
    },
  };
}

/** Active Directory answers 1,500 members at once and says which they were ([MS-ADTS] §3.1.1.3.1.3.3). */
async function rangedMembers(session: LdapSession, group: LdapEntry): Promise<readonly string[]> {
  const members: string[] = [];
  for (let entry: LdapEntry | undefined = group, goesOn = false; ; goesOn = true) {
    const key: string | undefined = Object.keys(entry ?? {}).find((name) => /^member;range=/i.test(name));
    if (!goesOn && key === undefined) return members;
    const [, from, to] = /^member;range=(\d+)-(\d+|\*)$/i.exec(key ?? "") ?? [];
    const values = entry === undefined || key === undefined ? [] : valuesOf(entry, key);
    if (values.length === 0 || Number(from) !== members.length) throw incomplete("a group's members ended on the way");
    members.push(...values.map(String));
    if (to === "*") return members;
    const attributes = [`member;range=${members.length}-*`];
    [entry] = await session.search(group.dn, { filter: anything, scope: "base", attributes });
  }
}

const anything = FilterParser.parseString("(objectClass=*)");

/** Asks by the name itself, for one that is written in two ways, or that lies elsewhere. */
async function findId(
  session: LdapSession,
  name: string,
  { users, dialect }: { readonly users: Filter; readonly dialect: LdapDialect },
): Promise<string | undefined> {
  const { id, groupFilter } = ldapWords[dialect];
  const filters = [users, FilterParser.parseString(groupFilter)];
  const search = { filter: new OrFilter({ filters }), scope: "base", attributes: [id] } as const;
  const [entry] = await session.search(name, search);
  return entry === undefined ? undefined : readLdapId(entry, dialect);
}

/** A name in the tree as it compares: most have no case, and spaces around commas mean nothing (RFC 4514 §2). */
function plainName(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/\s*([,=+])\s*/g, "$1")
    .trim();
}
