import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { newUser, patch, type ScimAnswer } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { acme, coreUser, createExtendedTenant, enterprise, schemaBody } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const badge = { name: "badge", type: "string" };
const level = { name: "level", type: "string", canonicalValues: ["low", "high"] };

/** The user of an answer, by its path. */
const pathOf = ({ body }: ScimAnswer): string => `/Users/${body["id"] as string}`;
const invalidPath = { status: 400, body: { scimType: "invalidPath" } };

describe("a registration is changed by an admin alone, and every request is read by some whole definition", () => {
  test("what is wrong with a definition is said all at once, and nothing is registered", async () => {
    const tenant = await createExtendedTenant(house, [badge]);
    const bad = schemaBody("urn:acme:bad:User", [
      { name: "constructor", type: "string" },
      { name: "a", type: "string", uniqueness: "server" },
      { name: "b", type: "complex", subAttributes: [{ name: "c", type: "complex" }] },
    ]);
    const refused = await tenant.admin(
      "POST",
      tenant.schemas,
      JSON.parse(JSON.stringify({ ...bad, for: "everybody" })),
    );
    expect(refused.status).toBe(400);
    expect(refused.body["problems"]).toEqual([
      { at: "", message: "names what this route does not take" },
      { at: "schema.attributes[0].name", message: "is a reserved word" },
      expect.objectContaining({ at: "schema.attributes[1].uniqueness" }),
      expect.objectContaining({ at: "schema.attributes[2].subAttributes[0].type" }),
    ]);
    expect((await tenant.admin("GET", tenant.schemas)).body["items"]).toHaveLength(1);
  });

  test("the same URN twice, or one that begins another, is refused; so is SCIM's own", async () => {
    const tenant = await createExtendedTenant(house, [badge]);
    const statusOf = async (urn: string) =>
      (await tenant.admin("POST", tenant.schemas, schemaBody(urn, [badge]))).status;
    expect(await statusOf(acme)).toBe(409);
    expect(await statusOf(acme.replace("acme", "ACME"))).toBe(409);
    expect(await statusOf(`${acme}:badge`)).toBe(409);
    expect(await statusOf(acme.slice(0, acme.lastIndexOf(":")))).toBe(409);
    expect(await statusOf(enterprise)).toBe(400);
    expect(await statusOf(`${coreUser}:acme`)).toBe(400);
  });

  test("a connection has ten schemas of its own at most", async () => {
    const tenant = await createExtendedTenant(house, [badge]);
    const answers = [];
    for (let number = 2; number <= 11; number += 1)
      answers.push(
        (await tenant.admin("POST", tenant.schemas, schemaBody(`urn:acme:s${number}:User`, [badge]))).status,
      );
    expect(answers).toEqual([...Array.from({ length: 9 }, () => 201), 400]);
  });

  test("a replacement takes effect within a second, and not a request meets a moment without the schema", async () => {
    const tenant = await createExtendedTenant(house, [badge]);
    const one = pathOf(await tenant.scim("POST", "/Users", newUser("u1", { [acme]: { badge: "7" } })));
    const replaced = await tenant.admin("PUT", `${tenant.schemas}/${acme}`, schemaBody(acme, [badge, level]));
    expect(replaced.status).toBe(200);
    const levelIs = patch({ op: "replace", path: `${acme}:level`, value: "low" });
    const changed = await until("the new attribute is known", async () => {
      const known = (await tenant.scim("GET", one)).body[acme];
      expect(known).toMatchObject({ badge: "7" });
      const answer = await tenant.scim("PATCH", one, levelIs);
      return answer.status === 200 && answer;
    });
    expect(changed.body[acme]).toEqual({ badge: "7", level: "low" });
    expect(
      (await tenant.admin("PUT", `${tenant.schemas}/${acme}`, schemaBody("urn:acme:other:User", [badge]))).status,
    ).toBe(400);
    const forGroups = schemaBody(acme, [badge], { resourceType: "Group" });
    expect((await tenant.admin("PUT", `${tenant.schemas}/${acme}`, forGroups)).status).toBe(400);
    expect(
      (await tenant.admin("PUT", `${tenant.schemas}/urn:acme:none:User`, schemaBody("urn:acme:none:User", [badge])))
        .status,
    ).toBe(404);
  });

  test("after a removal what users hold is kept and not shown, is another representation, and is back once it is registered again", async () => {
    const tenant = await createExtendedTenant(house, [badge, level]);
    const made = await tenant.scim("POST", "/Users", newUser("u1", { [acme]: { badge: "7", level: "low" } }));
    const one = pathOf(made);
    const shown = async () => tenant.scim("GET", one, undefined, { "if-none-match": made.headers.get("etag") ?? "" });
    expect((await shown()).status).toBe(304);

    expect((await tenant.admin("DELETE", `${tenant.schemas}/${acme}`)).status).toBe(204);
    const without = await until("the schema is gone", async () => {
      const answer = await shown();
      return answer.status === 200 && answer;
    });
    expect(without.body).not.toHaveProperty([acme]);
    expect(without.body["schemas"]).toEqual([coreUser]);
    expect(await tenant.scim("PATCH", one, patch({ op: "add", path: `${acme}:badge`, value: "8" }))).toMatchObject(
      invalidPath,
    );
    expect((await tenant.scim("PATCH", one, patch({ op: "replace", path: "title", value: "Boss" }))).status).toBe(200);

    // Another type now: what is held of the old one is not passed off as a value of the new.
    const again = schemaBody(acme, [badge, { name: "level", type: "integer" }]);
    expect((await tenant.admin("POST", tenant.schemas, again)).status).toBe(201);
    const back = await until("the schema is back", async () => {
      const { body } = await tenant.scim("GET", one);
      return body[acme] !== undefined && body;
    });
    expect(back[acme]).toEqual({ badge: "7" });
    // A whole representation says what there is, and what it does not know of is gone.
    await tenant.scim("PUT", one, newUser("u1", { [acme]: { badge: "9" } }));
    const [row] = await house.database.prismaIn(tenant.id, (prisma) => prisma.directoryUser.findMany());
    expect(row?.attributes).toMatchObject({ [acme]: { badge: "9" } });
    expect(JSON.stringify(row?.attributes)).not.toContain("low");
  });

  test("a schema by whose attribute subjects are found is not taken away", async () => {
    const tenant = await createExtendedTenant(house, [badge, level]);
    const connection = `/tenants/${tenant.slug}/connections/idp`;
    expect((await tenant.admin("PATCH", connection, { subjectAttribute: `${acme}:badge` })).status).toBe(200);
    expect(await tenant.admin("DELETE", `${tenant.schemas}/${acme}`)).toMatchObject({
      status: 409,
      body: { code: "schema_in_use" },
    });
    expect((await tenant.admin("PUT", `${tenant.schemas}/${acme}`, schemaBody(acme, [level]))).status).toBe(409);
    expect((await tenant.admin("PUT", `${tenant.schemas}/${acme}`, schemaBody(acme, [badge]))).status).toBe(200);
    expect((await tenant.admin("PATCH", connection, { subjectAttribute: "externalId" })).status).toBe(200);
    expect((await tenant.admin("DELETE", `${tenant.schemas}/${acme}`)).status).toBe(204);
    expect((await tenant.admin("DELETE", `${tenant.schemas}/${acme}`)).status).toBe(404);
  });

  test("every change leaves its trace in the audit, with the schema's names and nobody's data", async () => {
    const tenant = await createExtendedTenant(house, [badge]);
    await tenant.admin(
      "PUT",
      `${tenant.schemas}/${acme}`,
      schemaBody(acme, [badge, level], { canonicalValuesOnly: true }),
    );
    await tenant.admin("DELETE", `${tenant.schemas}/${acme}`);
    const trail = await house.database.prismaIn(tenant.id, (prisma) =>
      prisma.audit.findMany({ orderBy: { id: "asc" } }),
    );
    const first = { urn: acme, resourceType: "User", canonicalValuesOnly: false, attributes: ["badge"] };
    const second = { ...first, canonicalValuesOnly: true, attributes: ["badge", "level"] };
    expect(trail.map(({ action, target, detail }) => ({ action, target, detail }))).toEqual([
      {
        action: "connection.schema.add",
        target: tenant.connectionId,
        detail: { after: first },
      },
      {
        action: "connection.schema.replace",
        target: tenant.connectionId,
        detail: { before: first, after: second },
      },
      {
        action: "connection.schema.remove",
        target: tenant.connectionId,
        detail: { before: second },
      },
    ]);
  });

  test("two admins at once: each change is whole, and one URN is registered once", async () => {
    const tenant = await createExtendedTenant(house, [badge]);
    const urn = "urn:acme:race:User";
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => tenant.admin("POST", tenant.schemas, schemaBody(urn, [badge]))),
    );
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([
      201, 409, 409, 409, 409,
    ]);
  });
});
