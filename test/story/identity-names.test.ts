import { newId } from "@rollcall/core/runtime";
import { resolveSubject, sql } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { idOf } from "../harness/linked-person.ts";
import { createTenant, deactivate, newUser, patch, reactivate, type TestTenant } from "../harness/tenant.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });

const lookAlikes = [
  ["Cyrillic р, а and у in a Latin word", "\u0440\u0430\u0443pal@example.test"],
  ["Greek α in a Latin word", "\u03b1nn@example.test"],
  ["Armenian օ in a Latin word", "go\u0585gle@example.test"],
  ["Cyrillic capitals in a Latin word", "M\u0406\u041a\u0415@example.test"],
  ["a Cyrillic initial before a Latin name", "\u0458.smith@example.test"],
  ["a Cyrillic label of a Latin domain", "mike@\u0435\u0445.test"],
  ["a Latin word with a digit of another script", "ann\u0665@example.test"],
] as const;

const innocents = [
  "Иван.Петров@почта.example",
  "иван.petrov@example.test",
  "CORP\\иван",
  "Μαρία.Παπαδοπούλου",
  "山田太郎",
  "ヤマダ・タロウ",
  "ひらがなカタカナ漢字yamada@example.test",
  "김철수kim",
  "王Ming@example.test",
  "محمد١٢",
  "דניאל@example.test",
  "สมชาย",
  "नमिता",
  "გიორგი",
  "Հայկ",
  "አበበ",
  "O’Brien-Müller",
  "nguyễn.văn.a",
  "Đorđe.İsmail@example.test",
  "mıke@example.test",
  "straße@example.test",
  "оса@example.test",
];

describe("a new name that may be taken for another", () => {
  test.each(lookAlikes)("is refused, with what to do: %s", async (_what, userName) => {
    const tenant = await createTenant(house);
    const created = await tenant.scim("POST", "/Users", newUser("one", { userName }));
    expect(created).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
    expect(created.body["detail"]).toMatch(/^userName .* may look like another name; write /);
    const id = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
    const rename = patch({ op: "replace", path: "userName", value: userName });
    expect((await tenant.scim("PATCH", `/Users/${id}`, rename)).status).toBe(400);
    expect((await tenant.scim("PUT", `/Users/${id}`, newUser("ann", { userName }))).status).toBe(400);
    expect((await tenant.scim("GET", `/Users/${id}`)).body["userName"]).toBe("ann@example.test");
  });

  test("is refused where it has a character that nobody knows yet how to compare", async () => {
    const tenant = await createTenant(house);
    const answer = await tenant.scim("POST", "/Users", newUser("one", { userName: "ann\u{2FFFF}@example.test" }));
    expect(answer).toMatchObject({ status: 400, body: { detail: expect.stringContaining("does not know") as string } });
  });

  test("is no name of a script of its own, nor of those that are written together every day", async () => {
    const tenant = await createTenant(house);
    for (const [index, userName] of innocents.entries()) {
      const answer = await tenant.scim("POST", "/Users", newUser(`u${index}`, { userName }));
      expect([userName, answer.status, answer.body["userName"]]).toEqual([userName, 201, userName]);
      const found = await tenant.scim(
        "GET",
        `/Users?filter=${encodeURIComponent(`userName eq ${JSON.stringify(userName)}`)}`,
      );
      expect([userName, found.body["totalResults"]]).toEqual([userName, 1]);
    }
  });

  test("may be looked for, and nobody is found", async () => {
    const tenant = await createTenant(house);
    for (const [, userName] of lookAlikes) {
      const found = await tenant.scim(
        "GET",
        `/Users?filter=${encodeURIComponent(`userName eq ${JSON.stringify(userName)}`)}`,
      );
      expect([found.status, found.body["totalResults"]]).toEqual([200, 0]);
    }
  });

  test("is let in where the admin says so, and is another's then as little as before", async () => {
    const tenant = await createTenant(house, { dialect: { lookAlikeNames: "permit" } });
    const ids = new Set<string>();
    for (const userName of ["paypal@example.test", "\u0440\u0430\u0443pal@example.test"]) {
      const answer = await tenant.scim("POST", "/Users", newUser(userName, { userName }));
      expect(answer.status).toBe(201);
      ids.add(idOf(answer));
    }
    expect(ids.size).toBe(2);
  });
});

describe("whoever has such a name already", () => {
  const userName = "\u0440\u0430\u0443pal@example.test";

  test("keeps it: every change goes through, in every spelling, and so does the end", async () => {
    const { tenant, id } = await named(userName);
    const spelt = userName.toUpperCase();
    for (const [method, body] of [
      ["PATCH", patch({ op: "replace", path: "title", value: "Dr" })],
      ["PUT", newUser("one", { userName, title: "Prof" })],
      ["PATCH", patch({ op: "replace", path: "userName", value: spelt })],
      ["PATCH", deactivate],
      ["PATCH", reactivate],
    ] as const)
      expect([method, (await tenant.scim(method, `/Users/${id}`, body)).status]).toEqual([method, 200]);
    expect((await tenant.scim("DELETE", `/Users/${id}`)).status).toBe(204);
  });

  test("comes back under it after a deletion, and a creation that is repeated hears whose it is", async () => {
    const { tenant, id } = await named(userName);
    const again = await tenant.scim("POST", "/Users", newUser("one", { userName }));
    expect(again).toMatchObject({ status: 409, body: { detail: expect.stringContaining(id) as string } });
    await tenant.scim("DELETE", `/Users/${id}`);
    const back = await tenant.scim("POST", "/Users", newUser("one", { userName }));
    expect([back.status, idOf(back)]).toEqual([201, id]);
  });

  test("loses access by a request that also gives somebody such a name", async () => {
    const tenant = await createTenant(house);
    const id = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
    const left = await tenant.scim("PUT", `/Users/${id}`, newUser("ann", { userName, active: false }));
    expect(left.status).toBe(200);
    await settle(tenant);
    expect((await readUserStore(house, tenant.id)).get(id)?.denials).toEqual(["idp_inactive"]);
  });
});

describe("a subject that is an e-mail address", () => {
  const rule = { subjectAttribute: "emails[primary]", subjectCompare: "casefold" };
  const withEmail = (externalId: string, value: string) =>
    newUser(externalId, { emails: [{ value, type: "work", primary: true }] });

  test("is remembered when the address changes, and found in any spelling", async () => {
    const tenant = await createTenant(house, rule);
    const id = idOf(await tenant.scim("POST", "/Users", withEmail("ann", "Ann@Mail.test")));
    await settle(tenant);
    await tenant.scim("PUT", `/Users/${id}`, withEmail("ann", "ann.k@mail.test"));
    await settle(tenant);
    for (const sub of ["ann@mail.test", "ANN@MAIL.TEST", "\uff41nn@mail.test", "Ann.K@mail.test"])
      expect([sub, await resolve(tenant, sub)]).toEqual([
        sub,
        expect.objectContaining({ status: "active", userId: id }),
      ]);
  });

  test("goes to another person in any spelling, with none of the old owner's tokens, alias or not", async () => {
    for (const leaves of [true, false]) {
      const tenant = await createTenant(house, rule);
      const old = idOf(await tenant.scim("POST", "/Users", withEmail("ann", "Ann@Mail.test")));
      await settle(tenant);
      if (leaves) await tenant.scim("DELETE", `/Users/${old}`);
      else await tenant.scim("PUT", `/Users/${old}`, withEmail("ann", "ann.k@mail.test"));
      await settle(tenant);
      const next = idOf(await tenant.scim("POST", "/Users", withEmail("bob", "ANN@mail.TEST")));
      const passing = { status: "denied", reason: leaves ? "idp_deleted" : "subject_recycled" };
      expect(await resolve(tenant, "ann@mail.test")).toEqual(passing);
      await settle(tenant);
      expect(await resolve(tenant, "ann@mail.test")).toMatchObject({ status: "active", userId: next });
      const [cut] = await nbfOf(tenant, "ann@mail.test");
      expect(cut).toBeGreaterThan(0);
      expect((await readUserStore(house, tenant.id)).get(old)?.identities).toEqual(leaves ? [] : ["ann.k@mail.test"]);
    }
  });

  test.each(["gives it up", "leaves"])(
    "that one was to have long before its owner %s has none of the tokens that the owner got until then",
    async (how) => {
      const tenant = await createTenant(house, rule);
      const owner = idOf(await tenant.scim("POST", "/Users", withEmail("ann", "ann@mail.test")));
      await settle(tenant);
      const next = idOf(await tenant.scim("POST", "/Users", withEmail("bob", "ann@mail.test")));
      await house.database.once(
        tenant.id,
        sql`UPDATE lifecycle_event SET occurred_at = now() - interval '1 hour', accepted_at = now() - interval '1 hour' WHERE subject_id = ${next}`,
      );
      const givenUpAtMs = Date.now();
      if (how === "leaves") await tenant.scim("DELETE", `/Users/${owner}`);
      else await tenant.scim("PUT", `/Users/${owner}`, withEmail("ann", "ann.k@mail.test"));
      await settle(tenant);
      expect(await resolve(tenant, "ann@mail.test")).toMatchObject({ status: "active", userId: next });
      const [cut] = await nbfOf(tenant, "ann@mail.test");
      expect(cut).toBeGreaterThan(givenUpAtMs / 1_000);
    },
  );

  test("is two people's in two tenants, each for its own gateways", async () => {
    const first = await createTenant(house, { issuer: "https://shared.idp.test", ...rule });
    const second = await createTenant(house, { issuer: "https://shared.idp.test", ...rule });
    const ids = await Promise.all(
      [first, second].map(async (tenant) =>
        idOf(await tenant.scim("POST", "/Users", withEmail("ann", "ann@mail.test"))),
      ),
    );
    await Promise.all([settle(first), settle(second)]);
    await first.scim("DELETE", `/Users/${ids[0] ?? ""}`);
    await settle(first);
    expect(await resolve(first, "ann@mail.test")).toMatchObject({ status: "denied" });
    expect(await resolve(second, "ann@mail.test")).toMatchObject({ status: "active", userId: ids[1] });
    expect(await nbfOf(second, "ann@mail.test")).toEqual([]);
  });
});

/** A user whose name is older than the rule. */
async function named(userName: string): Promise<{ readonly tenant: TestTenant; readonly id: string }> {
  const tenant = await createTenant(house, { dialect: { lookAlikeNames: "permit" } });
  const id = idOf(await tenant.scim("POST", "/Users", newUser("one", { userName })));
  const admin = await adminOf(house, tenant);
  await admin("PATCH", `/tenants/${tenant.slug}/connections/idp`, { dialect: { lookAlikeNames: null } });
  return { tenant, id };
}

async function settle(tenant: TestTenant): Promise<void> {
  await applyAll(drain);
  await untilQuiet(house, tenant.id);
}

async function resolve(tenant: TestTenant, sub: string) {
  return resolveSubject(house.database, tenant.id, tenant.issuer, sub);
}

async function nbfOf(tenant: TestTenant, sub: string): Promise<readonly number[]> {
  const rows = await house.database.prismaIn(tenant.id, (prisma) =>
    prisma.revocation.findMany({ where: { tenantId: tenant.id, sub } }),
  );
  return rows.flatMap(({ nbf }) => (nbf === null ? [] : [Number(nbf)]));
}
