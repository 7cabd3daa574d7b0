import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "@rollcall/cli/postgres";
import { programPath } from "../parts.ts";
import { until } from "../until.ts";
import { type Certificate, createCertificate } from "./certificate.ts";

const environment = { PATH: `${programPath}:/usr/sbin:/sbin` };
const missing = spawnSync("slapd", ["-VV"], { env: environment, stdio: "ignore" }).error !== undefined;

/** Whether the stories about LDAP are left out, because this machine has no OpenLDAP. */
export const isLdapSkipped = missing && process.env["CI"] !== "true";
if (isLdapSkipped) console.warn("skipped: there is no slapd here, so no directory is asked over LDAP");

export const suffix = "dc=example,dc=com";
export const reader = `cn=reader,${suffix}`;
export const stranger = `cn=stranger,${suffix}`;
export const ldapPassword = "a-password-that-nobody-else-may-see";

export type LdapServer = {
  readonly plain: string;
  readonly secure: string;
  readonly certificate: Certificate;
  close(): Promise<void>;
};

/** A real OpenLDAP with the entries of an LDIF, on ports of its own. Only the reader sees anything: three at once, and so many by pages. */
export async function startLdapServer(ldif: string, pagedTotal = "unlimited"): Promise<LdapServer> {
  const directory = await mkdtemp(path.join(tmpdir(), "slapd-"));
  const certificate = createCertificate("localhost", [127, 0, 0, 1]);
  await mkdir(path.join(directory, "data"));
  await writeFile(path.join(directory, "certificate.pem"), certificate.certificate);
  await writeFile(path.join(directory, "key.pem"), certificate.privateKey, { mode: 0o600 });
  await writeFile(path.join(directory, "slapd.conf"), configuration(directory, pagedTotal));
  await writeFile(path.join(directory, "entries.ldif"), `${foundation}\n${ldif}`);
  const file = path.join(directory, "slapd.conf");
  execFileSync("slapadd", ["-q", "-f", file, "-l", path.join(directory, "entries.ldif")], {
    env: environment,
    stdio: "pipe",
  });
  const [port, tlsPort] = [await freePort(), await freePort()];
  const [plain, secure] = [`ldap://127.0.0.1:${port}`, `ldaps://127.0.0.1:${tlsPort}`];
  const child = spawn("slapd", ["-f", file, "-h", `${plain}/ ${secure}/`, "-d", "0"], {
    env: environment,
    stdio: "ignore",
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  await until("slapd answers", async () => {
    if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}`);
    return canConnect(port);
  });
  return {
    plain,
    secure,
    certificate,
    close: async () => {
      child.kill("SIGTERM");
      await exited;
      // Stopped twice, it is gone the second time.
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

const foundation = `dn: ${suffix}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ${reader}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: reader
userPassword: ${ldapPassword}

dn: ${stranger}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: stranger
userPassword: ${ldapPassword}
`;

/** The attributes of Active Directory and of 389 Directory Server under their own numbers, which OpenLDAP does not bring. */
function configuration(directory: string, pagedTotal: string): string {
  const text = "EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE";
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' ${text} )
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' ${text} )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' ${text} )
attributetype ( 1.2.840.113556.1.2.141 NAME 'department' ${text} )
attributetype ( 1.2.840.113556.1.2.146 NAME 'company' ${text} )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.159 NAME 'accountExpires' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' ${text} )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL MAY ( sAMAccountName $ userPrincipalName $ objectCategory $ department $ company $ userAccountControl $ accountExpires $ objectGUID ) )
objectclass ( 1.2.840.113556.1.5.8 NAME 'group' SUP top STRUCTURAL MUST cn MAY ( member $ objectGUID ) )
objectclass ( 2.16.840.1.113730.3.2.999 NAME 'lockable' SUP top AUXILIARY MAY nsAccountLock )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile ${directory}/pid
argsfile ${directory}/args
TLSCertificateFile ${directory}/certificate.pem
TLSCertificateKeyFile ${directory}/key.pem
sizelimit size.soft=3 size.hard=3 size.pr=1000 size.prtotal=${pagedTotal}
database mdb
suffix "${suffix}"
rootdn "cn=root,${suffix}"
directory ${directory}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="${reader}" read by anonymous auth by * none
overlay ppolicy
`;
}
