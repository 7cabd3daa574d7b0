import { reader, suffix } from "./ldap-server.ts";

/** The ids of the entries. */
export const uuid = (index: number): string => `0a1b2c3d-4e5f-6071-8293-${String(index).padStart(12, "0")}`;

/** Ada and Bob work, Cleo is locked by an administrator, Dan has forgotten a password, Eve is locked elsewhere. */
const inetOrgPeople = [
  ["ada", []],
  ["bob", []],
  ["cleo", ["pwdAccountLockedTime: 000001010000Z"]],
  ["dan", ["pwdAccountLockedTime: 20250102030405Z"]],
  ["eve", ["objectClass: lockable", "nsAccountLock: TRUE"]],
] as const;

/** A directory as OpenLDAP keeps it. */
export const inetOrgPerson = `dn: ou=people,${suffix}
objectClass: organizationalUnit
ou: people

dn: ou=groups,${suffix}
objectClass: organizationalUnit
ou: groups

${inetOrgPeople
  .map(
    ([uid, more], index) => `dn: uid=${uid},ou=people,${suffix}
objectClass: inetOrgPerson${more.map((line) => `\n${line}`).join("")}
entryUUID: ${uuid(index)}
uid: ${uid}
cn: ${uid} Berg
givenName: ${uid}
sn: Berg
mail: ${uid}@example.com
departmentNumber: Sales`,
  )
  .join("\n\n")}

dn: cn=Sales,ou=groups,${suffix}
objectClass: groupOfNames
entryUUID: ${uuid(90)}
cn: Sales
member: UID=Ada, OU=People, ${suffix}
member: uid=bob,ou=people,${suffix}
member: uid=gone,ou=people,${suffix}
member: ${reader}

dn: cn=All,ou=groups,${suffix}
objectClass: groupOfNames
entryUUID: ${uuid(91)}
cn: All
member: cn=Sales,ou=groups,${suffix}
`;

/** A GUID's bytes, as Active Directory stores them: the first three parts turned. */
const guidBytes = (index: number): string =>
  Buffer.from(`3d2c1b0a5f4e71608293${String(index).padStart(12, "0")}`, "hex").toString("base64");

/** A moment as Active Directory writes it: tenths of a microsecond since 1601. */
const fileTime = (at: string): string => String((BigInt(Date.parse(at)) + 11_644_473_600_000n) * 10_000n);

/** Ada's account ends never, in both ways to say so; Cleo's was disabled, Dan's last day is over and Eve's is not. */
const activeDirectoryPeople = [
  ["ada", 512, "9223372036854775807"],
  ["bob", 512, "0"],
  ["cleo", 514, undefined],
  ["dan", 512, fileTime("2026-01-31T23:00:00Z")],
  ["eve", 512, fileTime("2126-01-31T23:00:00Z")],
] as const;

/** A directory as Active Directory keeps it: Bob has no userPrincipalName, and a computer is a user. */
export const activeDirectory = `dn: cn=Users,${suffix}
objectClass: applicationProcess
cn: Users

${activeDirectoryPeople
  .map(
    ([name, control, expires], index) => `dn: cn=${name} Berg,cn=Users,${suffix}
objectClass: user
objectCategory: person
objectGUID:: ${guidBytes(index)}
cn: ${name} Berg
sn: Berg
sAMAccountName: ${name}
${name === "bob" ? "" : `userPrincipalName: ${name}@corp.example\n`}userAccountControl: ${control}${expires === undefined ? "" : `\naccountExpires: ${expires}`}
department: Sales
company: Example`,
  )
  .join("\n\n")}

dn: cn=machine,cn=Users,${suffix}
objectClass: user
objectCategory: computer
objectGUID:: ${guidBytes(70)}
cn: machine
sn: machine
sAMAccountName: machine$
userAccountControl: 4096

dn: cn=Staff,cn=Users,${suffix}
objectClass: group
objectGUID:: ${guidBytes(80)}
cn: Staff
member: cn=ada Berg,cn=Users,${suffix}
member: cn=machine,cn=Users,${suffix}
`;
