import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createOutward } from "@rollcall/core/runtime";
import {
  openProvider,
  type Provider,
  ProviderFailure,
  providerSettings,
  type ProviderUser,
} from "@rollcall/reconciler/providers";
import {
  isLdapSkipped,
  ldapPassword,
  type LdapServer,
  reader,
  startLdapServer,
  stranger,
  suffix,
} from "../harness/providers/ldap-server.ts";
import { activeDirectory, inetOrgPerson, uuid } from "../harness/providers/ldap-entries.ts";
import { openOutward } from "../harness/providers/provider-scenes.ts";

const never = new AbortController().signal;
describe.skipIf(isLdapSkipped)("a directory that speaks LDAP", () => {
  let server: LdapServer;
  beforeAll(async () => {
    server = await startLdapServer(inetOrgPerson);
  });
  afterAll(() => server.close());

  const open = (changes: Readonly<Record<string, unknown>> = {}, password = ldapPassword): Provider => {
    const settings = {
      kind: "ldap",
      url: server.plain,
      bindName: reader,
      base: suffix,
      dialect: "inetOrgPerson",
      pageSize: 2,
    };
    const pace = { perSec: 1_000, attemptsMax: 1, timeoutMs: 5_000 };
    return openProvider(providerSettings.parse({ ...settings, pace, ...changes }), password, parts());
  };
  const parts = () => ({ outward: openOutward(), newId: () => "an-id" });

  test("lists everybody across pages, and who is locked", async () => {
    const listed = await listAll(open());
    expect(listed.map(({ id, attributes }) => [id, attributes.userName, attributes.active])).toEqual([
      [uuid(0), "ada", true],
      [uuid(1), "bob", true],
      [uuid(2), "cleo", false],
      [uuid(3), "dan", true],
      [uuid(4), "eve", false],
    ]);
    expect(listed[0]?.attributes).toEqual({
      userName: "ada",
      externalId: uuid(0),
      active: true,
      displayName: "ada Berg",
      name: { givenName: "ada", familyName: "Berg" },
      emails: [{ value: "ada@example.com", type: "work", primary: true }],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { department: "Sales" },
    });
  });

  test.each([2, 3, 4, 5, 6, 1_000])("lists the same in pages of %i", async (pageSize) => {
    expect(await listAll(open({ pageSize }))).toHaveLength(5);
  });

  test("lists those alone who pass the filter", async () => {
    const listed = await listAll(open({ filter: "(|(uid=ada)(uid=eve))" }));
    expect(listed.map(({ attributes }) => attributes.userName)).toEqual(["ada", "eve"]);
  });

  test("lists groups with the ids of users and groups in them, and of nobody who is gone", async () => {
    const listed: unknown[] = [];
    for await (const page of open().listGroups?.(never) ?? []) listed.push(...page);
    expect(listed).toEqual([
      { id: uuid(90), attributes: { displayName: "Sales", externalId: uuid(90) }, members: [uuid(0), uuid(1)] },
      { id: uuid(91), attributes: { displayName: "All", externalId: uuid(91) }, members: [uuid(90)] },
    ]);
  });

  test("answers about one user, by id, by user name and by e-mail address", async () => {
    for (const names of [
      { id: uuid(0) },
      { id: uuid(0).toUpperCase() },
      { userName: "ADA" },
      { email: "ada@example.com" },
    ])
      expect((await open().readUser(names, never))?.id).toBe(uuid(0));
    for (const names of [{ id: uuid(50) }, { userName: "nobody" }, { email: "nobody@example.com" }])
      expect(await open().readUser(names, never)).toBeUndefined();
  });

  test.each(["*", "ada)(uid=*", "*)(objectClass=*", "a\\64a", "ada\u0000"])(
    "a name like %j finds nobody: it is a value, and no filter",
    async (userName) => {
      expect(await open().readUser({ userName }, never)).toBeUndefined();
    },
  );

  test("an id that is none of a directory is no question", async () => {
    await expect(open().readUser({ id: "00u1" }, never)).rejects.toMatchObject({ reason: "malformed" });
  });

  test("is not believed that nobody is there by one who may see nobody", async () => {
    const provider = open({ bindName: stranger });
    for (const asked of [provider.readUser({ userName: "ada" }, never), listAll(provider)])
      await expect(asked).rejects.toBeInstanceOf(ProviderFailure);
  });

  test("that ends a search at its limit has not listed everybody", async () => {
    const strict = await startLdapServer(inetOrgPerson, "3");
    onTestFinished(() => strict.close());
    await expect(listAll(open({ url: strict.plain }))).rejects.toMatchObject({ reason: "incomplete" });
  });

  test("that is stopped in the middle has not listed everybody", async () => {
    const other = await startLdapServer(inetOrgPerson);
    onTestFinished(() => other.close());
    const pages = open({ url: other.plain }).listUsers(never)[Symbol.asyncIterator]();
    expect((await pages.next()).done).toBe(false);
    await other.close();
    await expect(pages.next()).rejects.toMatchObject({ reason: "incomplete" });
  });

  test("is asked by whoever it knows, and by nobody else", async () => {
    const failure = await open({}, "another-password")
      .readUser({ userName: "ada" }, never)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ reason: "unauthenticated" });
    expect(String((failure as Error).stack)).not.toContain("another-password");
    await expect(open({ base: `ou=nowhere,${suffix}` }).readUser({ userName: "ada" }, never)).rejects.toMatchObject({
      reason: "malformed",
    });
  });

  test("stops when it is told to", async () => {
    const ending = new AbortController();
    const pages = open().listUsers(ending.signal)[Symbol.asyncIterator]();
    await pages.next();
    ending.abort();
    await expect(pages.next()).rejects.toMatchObject({ reason: "interrupted" });
  });

  test.each([
    ["says nothing", {}, []],
    ["says nothing where TLS is to begin", { startTls: true }, []],
    // "Yes, TLS", and then none.
    [
      "says yes to TLS and nothing else",
      { startTls: true },
      [0x30, 0x0c, 0x02, 0x01, 0x02, 0x78, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00],
    ],
  ])("that %s is not waited for", async (_name, changes, words) => {
    const silent = createServer((socket) => {
      socket.on("error", () => undefined).once("data", () => socket.write(Buffer.from(words)));
      onTestFinished(() => void socket.destroy());
    });
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => void silent.close());
    const url = `ldap://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const provider = open({ url, ...changes, pace: { attemptsMax: 1, timeoutMs: 200 } });
    await expect(provider.readUser({ userName: "ada" }, never)).rejects.toMatchObject({ reason: "unreachable" });
    await expect(listAll(provider)).rejects.toMatchObject({ reason: "unreachable" });
    const ending = new AbortController();
    const asked = open({ url, ...changes }).readUser({ userName: "ada" }, ending.signal);
    await once(silent, "connection");
    ending.abort();
    await expect(asked).rejects.toMatchObject({ reason: "interrupted" });
  });

  test.each(["ldaps", "StartTLS"])("is asked over %s, with its certificate", async (kind) => {
    const at = (host: string) => (kind === "ldaps" ? server.secure : server.plain).replace("127.0.0.1", host);
    const secure = { startTls: kind === "StartTLS", authorities: server.certificate.certificate };
    for (const host of ["127.0.0.1", "localhost"])
      expect((await open({ url: at(host), ...secure }).readUser({ userName: "ada" }, never))?.id).toBe(uuid(0));

    const other = await startLdapServer(inetOrgPerson);
    onTestFinished(() => other.close());
    const asked = open({ url: at("127.0.0.1"), ...secure, authorities: other.certificate.certificate }).readUser(
      { userName: "ada" },
      never,
    );
    await expect(asked).rejects.toMatchObject({ reason: "unreachable" });
    // Of the system's authorities none has signed it.
    const unsigned = open({ url: at("127.0.0.1"), startTls: secure.startTls }).readUser({ userName: "ada" }, never);
    await expect(unsigned).rejects.toMatchObject({ reason: "unreachable" });
  });

  test("whose certificate is for another name is not asked", async () => {
    const outward = { ...openOutward(), addressOf: async () => "127.0.0.1" };
    const settings = {
      kind: "ldap",
      bindName: reader,
      base: suffix,
      dialect: "inetOrgPerson",
      authorities: server.certificate.certificate,
    };
    const url = server.secure.replace("127.0.0.1", "other.example");
    const pace = { attemptsMax: 1 };
    const provider = openProvider(providerSettings.parse({ ...settings, url, pace }), ldapPassword, {
      outward,
      newId: () => "an-id",
    });
    await expect(provider.readUser({ userName: "ada" }, never)).rejects.toMatchObject({
      reason: "unreachable",
      message: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID") as string,
    });
  });

  test("in a private network is not asked unless an operator has opened it", async () => {
    const outward = createOutward({ loopback: false });
    const settings = {
      kind: "ldap",
      bindName: reader,
      base: suffix,
      dialect: "inetOrgPerson",
      pace: { attemptsMax: 1 },
    };
    for (const url of [server.plain, server.secure, server.plain.replace("127.0.0.1", "localhost")]) {
      const provider = openProvider(providerSettings.parse({ ...settings, url }), ldapPassword, {
        outward,
        newId: () => "an-id",
      });
      await expect(provider.readUser({ userName: "ada" }, never)).rejects.toMatchObject({ reason: "forbidden" });
    }
    outward.close();
  });
});

describe.skipIf(isLdapSkipped)("a directory like Active Directory", () => {
  let server: LdapServer;
  beforeAll(async () => {
    server = await startLdapServer(activeDirectory);
  });
  afterAll(() => server.close());

  const open = (): Provider => {
    const settings = {
      kind: "ldap",
      url: server.plain,
      bindName: reader,
      base: `cn=Users,${suffix}`,
      dialect: "activeDirectory",
      pageSize: 2,
    };
    const pace = { perSec: 1_000, attemptsMax: 1 };
    return openProvider(providerSettings.parse({ ...settings, pace }), ldapPassword, {
      outward: openOutward(),
      newId: () => "an-id",
    });
  };

  test("lists people by their GUID and no computers, and who is disabled or has had their last day", async () => {
    expect((await listAll(open())).map(({ id, attributes }) => [id, attributes.userName, attributes.active])).toEqual([
      [uuid(0), "ada@corp.example", true],
      [uuid(1), "bob", true],
      [uuid(2), "cleo@corp.example", false],
      [uuid(3), "dan@corp.example", false],
      [uuid(4), "eve@corp.example", true],
    ]);
  });

  test("answers by GUID and by either of its names", async () => {
    for (const names of [{ id: uuid(0) }, { userName: "ada@corp.example" }, { userName: "ADA" }])
      expect((await open().readUser(names, never))?.id).toBe(uuid(0));
    expect((await open().readUser({ id: uuid(3) }, never))?.attributes.active).toBe(false);
    expect(await open().readUser({ id: uuid(60) }, never)).toBeUndefined();
    expect(await open().readUser({ userName: "machine$" }, never)).toBeUndefined();
  });

  test("lists groups with the people in them", async () => {
    const listed: unknown[] = [];
    for await (const page of open().listGroups?.(never) ?? []) listed.push(...page);
    expect(listed).toEqual([
      { id: uuid(80), attributes: { displayName: "Staff", externalId: uuid(80) }, members: [uuid(0)] },
    ]);
  });
});

async function listAll(provider: Provider): Promise<readonly ProviderUser[]> {
  const all: ProviderUser[] = [];
  for await (const page of provider.listUsers(never)) all.push(...page);
  return all;
}
