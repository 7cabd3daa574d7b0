import { AndFilter, EqualityFilter, type Filter, FilterParser, OrFilter } from "ldapts";
import type { Outward } from "@rollcall/core/runtime";
import { idFilter, type LdapDialect, ldapWords, readLdapGroup, readLdapId, readLdapUser } from "./ldap-entry.ts";
import { createMemberNames } from "./ldap-members.ts";
import { allPages } from "./ldap-pages.ts";
import { type LdapConnection, type LdapSession, openLdapSession } from "./ldap-session.ts";
import { createTally, ofSomebody, partOf } from "./listing.ts";
import { expectId, type LookUp, lookUpOf, onlyOne } from "./names.ts";
import type { Pace } from "./pace.ts";
import { type Provider, ProviderFailure, type ProviderGroup, type ProviderUser } from "./provider.ts";

export type LdapOptions = {
  readonly outward: Pick<Outward, "addressOf">;
  readonly pace: Pace;
  readonly connection: LdapConnection;
  readonly base: string;
  readonly groupBase: string;
  readonly dialect: LdapDialect;
  /** Who counts as a user, besides what the dialect says. */
  readonly filter: string | undefined;
  readonly pageSize: number;
};

/** A directory that speaks LDAP (RFC 4511): OpenLDAP, 389 Directory Server and their like, or Active Directory. */
export function ldapProvider(options: LdapOptions): Provider {
  const { outward, pace, connection } = options;
  const users = usersFilter(options);
  // A listing outlives the question that opened its connection, whose time is limited; the client limits each page.
  const open = (signal: AbortSignal): Promise<LdapSession> =>
    pace.ask(() => openLdapSession(connection, outward, signal), signal);
  return {
    readUser: async (names, signal) => {
      const lookUp = lookUpOf(names);
      return pace.ask(async (limited) => {
        const session = await openLdapSession(connection, outward, limited);
        try {
          return await readOne(options, users, lookUp, session);
        } finally {
          session.close();
        }
      }, signal);
    },
    listUsers: (signal) => ofSomebody(inSession(open, signal, (session) => listUsers(options, users, session))),
    listGroups: (signal) => inSession(open, signal, (session) => listGroups(options, users, session)),
  };
}

async function readOne(
  { base, dialect }: LdapOptions,
  users: Filter,
  lookUp: LookUp,
  session: LdapSession,
): Promise<ProviderUser | undefined> {
  const filter = new AndFilter({ filters: [users, nameFilter(lookUp, dialect)] });
  const found = await session.search(base, {
    filter,
    scope: "sub",
    attributes: ldapWords[dialect].attributes,
    limit: 2,
  });
  const [user, ...others] = found.map((one) => readLdapUser(one, dialect, new Date()));
  if (user === undefined) return assertSomebody(session, base, users);
  if (others.length > 0) throw new ProviderFailure("malformed", `several of its users have that ${lookUp.by}`);
  return lookUp.by === "id" ? expectId(user, lookUp.value.toLowerCase()) : onlyOne([user], calledBy(lookUp, user));
}

async function* listUsers(
  { base, dialect, pageSize }: LdapOptions,
  users: Filter,
  session: LdapSession,
): AsyncGenerator<readonly ProviderUser[]> {
  const { id, attributes } = ldapWords[dialect];
  const tally = createTally();
  const search = { filter: users, scope: "sub", attributes } as const;
  for await (const page of allPages(session, base, search, { pageSize, idName: id })) {
    const items = page.map((entry) => readLdapUser(entry, dialect, new Date()));
    tally.add(items);
    yield items;
  }
}

/** Groups name their members by their names in the tree, so those of all users and groups are read first. */
async function* listGroups(
  { base, groupBase, dialect, pageSize }: LdapOptions,
  users: Filter,
  session: LdapSession,
): AsyncGenerator<readonly ProviderGroup[]> {
  const { id, groupFilter } = ldapWords[dialect];
  const groups = FilterParser.parseString(groupFilter);
  const paging = { pageSize, idName: id };
  const names = createMemberNames();
  const named = [
    { at: base, filter: users },
    { at: groupBase, filter: groups },
  ];
  for (const { at, filter } of named)
    for await (const page of allPages(session, at, { filter, scope: "sub", attributes: [id] }, paging))
      for (const entry of page) names.add(entry.dn, readLdapId(entry, dialect));

  const tally = createTally();
  const search = { filter: groups, scope: "sub", attributes: [id, "cn", "member", "uniqueMember"] } as const;
  for await (const page of allPages(session, groupBase, search, paging)) {
    const read: ProviderGroup[] = [];
    for (const entry of page) {
      const { names: members, ...group } = readLdapGroup(entry, dialect);
      read.push({ ...group, members: await names.idsOf(session, entry, members, { users, dialect }) });
    }
    tally.add(read);
    yield read;
  }
}

/** Lists on one connection: the cookie that leads to the next page is worth nothing on another. */
async function* inSession<Item>(
  open: (signal: AbortSignal) => Promise<LdapSession>,
  signal: AbortSignal,
  list: (session: LdapSession) => AsyncIterable<readonly Item[]>,
): AsyncGenerator<readonly Item[]> {
  const session = await open(signal);
  let isBegun = false;
  try {
    for await (const page of list(session)) {
      isBegun = true;
      yield page;
    }
  } catch (error) {
    throw isBegun ? partOf(error, signal) : error;
  } finally {
    session.close();
  }
}

/** Finding nobody proves nothing where nobody can be seen: access rules hide entries without a word (RFC 4511 §4.5.3). */
async function assertSomebody(session: LdapSession, base: string, users: Filter): Promise<undefined> {
  const seen = await session.search(base, { filter: users, scope: "sub", attributes: ["1.1"], limit: 1 });
  if (seen.length === 0)
    throw new ProviderFailure("forbidden", "it shows no user at all: let the bind name read what is under the base");
}

function usersFilter({ dialect, filter }: LdapOptions): Filter {
  const users = FilterParser.parseString(ldapWords[dialect].userFilter);
  return filter === undefined ? users : new AndFilter({ filters: [users, FilterParser.parseString(filter)] });
}

/** Values are handed over as values: there is no text into which somebody's name could write a filter. */
function nameFilter({ by, value }: LookUp, dialect: LdapDialect): Filter {
  if (by === "id") return idFilter(value, dialect);
  const { email, userName, otherUserName } = ldapWords[dialect];
  if (by === "email") return new EqualityFilter({ attribute: email, value });
  const names = otherUserName === undefined ? [userName] : [userName, otherUserName];
  return new OrFilter({ filters: names.map((attribute) => new EqualityFilter({ attribute, value })) });
}

/** Active Directory finds a user by sAMAccountName, too, which is no userName where there is a better one. */
function calledBy(lookUp: LookUp, { attributes }: ProviderUser): LookUp {
  const { nickName } = attributes;
  const isOther = typeof nickName === "string" && nickName.toLowerCase() === lookUp.value.toLowerCase();
  return lookUp.by === "userName" && isOther ? { by: "userName", value: attributes.userName } : lookUp;
}
