import { EqualityFilter, type Filter } from "ldapts";
import type { UserAttributes } from "@rollcall/core/domain";
import { userAttributes } from "./attributes.ts";
import type { LdapEntry } from "./ldap-session.ts";
import { ProviderFailure, type ProviderGroup, type ProviderUser } from "./provider.ts";
import { readFlag } from "./reading.ts";

/** How a directory calls things. */
export type LdapDialect = "inetOrgPerson" | "activeDirectory";

type Words = {
  readonly id: "entryUUID" | "objectGUID";
  readonly userName: string;
  /** What else finds a user by name. */
  readonly otherUserName?: string;
  readonly email: string;
  readonly userFilter: string;
  readonly groupFilter: string;
  readonly attributes: readonly string[];
};

const common = "displayName givenName sn mail telephoneNumber mobile title employeeNumber preferredLanguage".split(" ");

export const ldapWords: Readonly<Record<LdapDialect, Words>> = {
  inetOrgPerson: {
    id: "entryUUID",
    userName: "uid",
    email: "mail",
    userFilter: "(objectClass=inetOrgPerson)",
    groupFilter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
    attributes: "entryUUID uid cn employeeType departmentNumber o pwdAccountLockedTime nsAccountLock"
      .split(" ")
      .concat(common),
  },
  activeDirectory: {
    id: "objectGUID",
    userName: "userPrincipalName",
    otherUserName: "sAMAccountName",
    email: "mail",
    // Computers are users to Active Directory, and are no people.
    userFilter: "(&(objectCategory=person)(objectClass=user))",
    groupFilter: "(objectClass=group)",
    attributes:
      "objectGUID userPrincipalName sAMAccountName userAccountControl accountExpires department company employeeID"
        .split(" ")
        .concat(common),
  },
};

/** A user from an entry, as of a moment. Its manager is a name in the tree and no id, so it is left out. */
export function readLdapUser(entry: LdapEntry, dialect: LdapDialect, now: Date): ProviderUser {
  const id = readLdapId(entry, dialect);
  return {
    id,
    attributes: dialect === "activeDirectory" ? readActiveDirectory(entry, id, now) : readInetOrgPerson(entry, id),
  };
}

/** The id that outlives a rename: RFC 4530, or Active Directory's own. */
export function readLdapId(entry: LdapEntry, dialect: LdapDialect): string {
  const { id } = ldapWords[dialect];
  if (id === "objectGUID") return uuidOfGuid(valuesOf(entry, id)[0]);
  const text = textOf(entry, id);
  if (text === undefined) throw malformed(id, "there: the bind name may not read it");
  return text.toLowerCase();
}

/** An id as a filter finds it: as text, or as bytes in the order that they are stored in. */
export function idFilter(id: string, dialect: LdapDialect): Filter {
  if (!/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id))
    throw new ProviderFailure("malformed", "the id is no UUID, so it is none of this directory's");
  const value = dialect === "inetOrgPerson" ? id.toLowerCase() : swapGuid(Buffer.from(id.replaceAll("-", ""), "hex"));
  return new EqualityFilter({ attribute: ldapWords[dialect].id, value });
}

/** A group with the tree's names of its members, which are not ids yet. */
export function readLdapGroup(
  entry: LdapEntry,
  dialect: LdapDialect,
): Omit<ProviderGroup, "members"> & { readonly names: readonly string[] } {
  const id = readLdapId(entry, dialect);
  const displayName = textOf(entry, "cn");
  if (displayName === undefined) throw malformed("cn", "a text");
  return {
    id,
    attributes: { displayName, externalId: id },
    names: [...valuesOf(entry, "member"), ...valuesOf(entry, "uniqueMember")].map(String),
  };
}

/** Values by an attribute's name, which has no case (RFC 4512 §2.5); options after it, as in `;range=`, are not the name. */
export function valuesOf(entry: LdapEntry, name: string): readonly (string | Buffer)[] {
  const found = Object.entries(entry).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  if (found === undefined) return [];
  return Array.isArray(found) ? found : [found];
}

function readInetOrgPerson(entry: LdapEntry, id: string): UserAttributes {
  const text = (name: string): string | undefined => textOf(entry, name);
  const userName = text("uid");
  if (userName === undefined) throw malformed("uid", "a text");
  return userAttributes({
    externalId: id,
    userName,
    active: isUnlocked(entry),
    displayName: text("displayName") ?? text("cn"),
    preferredLanguage: text("preferredLanguage"),
    userType: text("employeeType"),
    ...described(entry),
    enterprise: {
      employeeNumber: text("employeeNumber"),
      costCenter: undefined,
      organization: text("o"),
      division: undefined,
      department: text("departmentNumber"),
    },
  });
}

/**
 * 389 Directory Server writes nsAccountLock. The password policy of OpenLDAP locks by a time: a real one passes by
 * itself, "000001010000Z" is an administrator's and stands (draft-behera-ldap-password-policy §5.3.3).
 */
function isUnlocked(entry: LdapEntry): boolean {
  const locked = textOf(entry, "nsAccountLock");
  if (locked !== undefined && readFlag(locked, "nsAccountLock")) return false;
  return textOf(entry, "pwdAccountLockedTime") !== "000001010000Z";
}

function readActiveDirectory(entry: LdapEntry, id: string, now: Date): UserAttributes {
  const text = (name: string): string | undefined => textOf(entry, name);
  const control = text("userAccountControl");
  // Who may not read it would take everybody for active.
  if (control === undefined || !/^-?\d{1,10}$/.test(control))
    throw malformed("userAccountControl", "a number: the bind name may not read it");
  const userName = text("userPrincipalName") ?? text("sAMAccountName");
  if (userName === undefined) throw malformed("sAMAccountName", "a text");
  return userAttributes({
    externalId: id,
    userName,
    // ACCOUNTDISABLE, [MS-ADTS] §2.2.16.
    active: (Number(control) & 2) === 0 && !isExpired(entry, now),
    displayName: text("displayName"),
    nickName: text("sAMAccountName"),
    preferredLanguage: text("preferredLanguage"),
    ...described(entry),
    enterprise: {
      employeeNumber: text("employeeNumber") ?? text("employeeID"),
      costCenter: undefined,
      organization: text("company"),
      division: undefined,
      department: text("department"),
    },
  });
}

/**
 * Whether the account's last day is over: nobody disables it then. In tenths of a microsecond since 1601; 0 and the
 * greatest number there is, or nothing, are never ([MS-ADA1], accountExpires). Who may read userAccountControl may read it, too.
 */
function isExpired(entry: LdapEntry, now: Date): boolean {
  const text = textOf(entry, "accountExpires") ?? "0";
  if (!/^\d{1,19}$/.test(text)) throw malformed("accountExpires", "a number");
  const expires = BigInt(text);
  if (expires === 0n || expires >= neverExpires) return false;
  return expires <= (BigInt(now.getTime()) + msFrom1601) * 10_000n;
}

const neverExpires = 0x7fff_ffff_ffff_ffffn;
const msFrom1601 = 11_644_473_600_000n;

function described(entry: LdapEntry) {
  const text = (name: string): string | undefined => textOf(entry, name);
  const [email, ...otherEmails] = valuesOf(entry, "mail").map(String);
  return {
    title: text("title"),
    name: { givenName: text("givenName"), familyName: text("sn"), middleName: undefined, formatted: undefined },
    email,
    otherEmails,
    phone: text("telephoneNumber"),
    mobile: text("mobile"),
  };
}

function textOf(entry: LdapEntry, name: string): string | undefined {
  const [value] = valuesOf(entry, name);
  if (value === undefined || value === "") return undefined;
  if (typeof value !== "string") throw malformed(name, "a text");
  return value;
}

/** A GUID's first three parts are stored with their bytes turned ([MS-DTYP] §2.3.4.2). */
function uuidOfGuid(value: string | Buffer | undefined): string {
  if (!Buffer.isBuffer(value) || value.length !== 16) throw malformed("objectGUID", "16 bytes");
  const hex = swapGuid(value).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function swapGuid(bytes: Buffer): Buffer {
  const [a, b, c, rest] = [bytes.subarray(0, 4), bytes.subarray(4, 6), bytes.subarray(6, 8), bytes.subarray(8)];
  return Buffer.concat([Buffer.from(a).reverse(), Buffer.from(b).reverse(), Buffer.from(c).reverse(), rest]);
}

function malformed(what: string, wanted: string): ProviderFailure {
  return new ProviderFailure("malformed", `${what} is not ${wanted}`);
}
