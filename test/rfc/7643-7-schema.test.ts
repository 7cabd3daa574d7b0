import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, patch } from "../harness/tenant.ts";
import { acme, coreGroup, coreUser, createExtendedTenant, enterprise } from "./extended-tenant.ts";

type Attribute = {
  readonly name: string;
  readonly type: string;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly mutability: string;
  readonly returned: string;
  readonly caseExact?: boolean;
  readonly uniqueness?: string;
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Attribute[];
};
type Described = {
  readonly id: string;
  readonly attributes: readonly Attribute[];
  readonly meta: Record<string, string>;
};

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const base = "https://rollcall.test/scim/v2";
const service = ["ServiceProviderConfig", "ResourceType", "Schema"].map(
  (name) => `urn:ietf:params:scim:schemas:core:2.0:${name}`,
);
const schemas = (await tenant.scim("GET", "/Schemas")).body["Resources"] as readonly Described[];

const attributesOf = (id: string): readonly Attribute[] => schemas.find((schema) => schema.id === id)?.attributes ?? [];

/** Every attribute with its path in a body of the schema, the parts of complex ones after them. */
function pathsOf(attributes: readonly Attribute[]): readonly (readonly [string, Attribute, Attribute | undefined])[] {
  return attributes.flatMap((attribute) => [
    [attribute.name, attribute, undefined] as const,
    ...(attribute.subAttributes ?? []).map((sub) => [`${attribute.name}.${sub.name}`, sub, attribute] as const),
  ]);
}

/** The characteristics by which one attribute differs from the defaults of §2.2. */
function differences({
  name,
  type,
  multiValued,
  required,
  mutability,
  returned,
  caseExact,
  uniqueness,
  canonicalValues,
  referenceTypes,
}: Attribute): string {
  return [
    name,
    type === "string" ? "" : type,
    multiValued ? "many" : "",
    required ? "required" : "",
    mutability === "readWrite" ? "" : mutability,
    returned === "default" ? "" : returned,
    caseExact === true ? "exact" : "",
    uniqueness === undefined || uniqueness === "none" ? "" : uniqueness,
    canonicalValues === undefined ? "" : `(${canonicalValues.join(" ")})`,
    referenceTypes === undefined ? "" : `[${referenceTypes.join(" ")}]`,
  ]
    .filter((part) => part !== "")
    .join(" ");
}

function table(id: string): readonly string[] {
  return attributesOf(id).map((attribute) => {
    const parts = (attribute.subAttributes ?? []).map(differences);
    return parts.length === 0 ? differences(attribute) : `${differences(attribute)}: ${parts.join(", ")}`;
  });
}

describe("§7: what is listed", () => {
  test("is every schema that this connection's resources may carry, and those of discovery, each under its own location", async () => {
    expect(schemas.map(({ id }) => id)).toEqual([coreUser, enterprise, coreGroup, ...service]);
    for (const schema of schemas) {
      const one = await tenant.scim("GET", `/Schemas/${schema.id}`);
      expect(one.body).toEqual(schema);
      expect(one.body).toMatchObject({
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        name: expect.stringMatching(/./) as string,
        description: expect.stringMatching(/./) as string,
        meta: { resourceType: "Schema", location: `${base}/Schemas/${schema.id}`, version: one.headers.get("etag") },
      });
    }
    expect((await tenant.scim("GET", `/Schemas/${coreUser.toUpperCase()}`)).body).toEqual(schemas[0]);
    expect((await tenant.scim("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Device")).status).toBe(404);
  });

  test("is with a schema of the connection's own as it was registered", async () => {
    const extended = await createExtendedTenant(house, [
      {
        name: "badge",
        type: "string",
        description: "Opens doors",
        required: true,
        canonicalValues: ["a"],
        caseExact: true,
        mutability: "immutable",
        returned: "always",
      },
    ]);
    const listed = (await extended.scim("GET", "/Schemas")).body["Resources"] as readonly Described[];
    expect(listed.map(({ id }) => id)).toEqual([coreUser, enterprise, coreGroup, acme, ...service]);
    expect(listed[3]).toMatchObject({ name: "Acme", description: "What Acme knows" });
    expect(listed[3]?.attributes).toEqual([
      {
        name: "badge",
        type: "string",
        multiValued: false,
        description: "Opens doors",
        required: true,
        canonicalValues: ["a"],
        caseExact: true,
        mutability: "immutable",
        returned: "always",
        uniqueness: "none",
      },
    ]);
  });
});

describe("§7: how an attribute is described", () => {
  test("every characteristic is said that the type knows, with a word of the RFC, and none is null or empty", () => {
    for (const { id, attributes } of schemas) {
      for (const [path, attribute] of pathsOf(attributes)) {
        const at = `${id}:${path}`;
        expect([
          at,
          ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"].includes(
            attribute.type,
          ),
        ]).toEqual([at, true]);
        expect([at, typeof attribute.multiValued, typeof attribute.required]).toEqual([at, "boolean", "boolean"]);
        expect([at, ["readOnly", "readWrite", "immutable", "writeOnly"].includes(attribute.mutability)]).toEqual([
          at,
          true,
        ]);
        expect([at, ["always", "never", "default", "request"].includes(attribute.returned)]).toEqual([at, true]);
        const isText = ["string", "reference", "binary"].includes(attribute.type);
        expect([at, typeof attribute.caseExact]).toEqual([at, isText ? "boolean" : "undefined"]);
        const isUnique = !["boolean", "complex"].includes(attribute.type);
        expect([at, typeof attribute.uniqueness]).toEqual([at, isUnique ? "string" : "undefined"]);
        expect([at, attribute.subAttributes !== undefined]).toEqual([at, attribute.type === "complex"]);
        expect([at, attribute.referenceTypes !== undefined]).toEqual([at, attribute.type === "reference"]);
      }
    }
    expect(JSON.stringify(schemas)).not.toMatch(/null|\[\]|"password"/);
  });
});

const label = (types: string) => `value, display, type (${types}), primary boolean`;

describe("§8.7.1 with its errata, as this server holds it", () => {
  test("User", () => {
    expect(table(coreUser)).toEqual([
      "userName required server",
      "name complex: formatted, familyName, givenName, middleName, honorificPrefix, honorificSuffix",
      "displayName",
      "nickName",
      "profileUrl reference exact [external]",
      "title",
      "userType",
      "preferredLanguage",
      "locale",
      "timezone",
      "active boolean required",
      `emails complex many: ${label("work home other")}`,
      `phoneNumbers complex many: ${label("work home mobile fax pager other")}`,
      `ims complex many: ${label("aim gtalk icq xmpp msn skype qq yahoo")}`,
      "photos complex many: value reference exact [external], display, type (photo thumbnail), primary boolean",
      "addresses complex many: formatted, streetAddress, locality, region, postalCode, country, type (work home other), primary boolean",
      "groups complex many readOnly: value readOnly exact, $ref reference readOnly exact [Group], display readOnly, type readOnly (direct indirect)",
      "entitlements complex many: value, display, type, primary boolean",
      "roles complex many: value, display, type, primary boolean",
      "x509Certificates complex many: value binary exact, display, type, primary boolean",
    ]);
  });

  test("EnterpriseUser", () => {
    expect(table(enterprise)).toEqual([
      "employeeNumber",
      "costCenter",
      "organization",
      "division",
      "department",
      "manager complex: value exact, $ref reference exact [User], displayName readOnly",
    ]);
  });

  test("Group", () => {
    expect(table(coreGroup)).toEqual([
      "displayName required server",
      "members complex many: value immutable exact, display readOnly, $ref reference immutable exact [User Group], type immutable (User Group)",
    ]);
  });
});

describe("what is said is what is done", () => {
  const writable = [
    ...pathsOf(attributesOf(coreUser)).map((one) => ["", ...one] as const),
    ...pathsOf(attributesOf(enterprise)).map((one) => [`${enterprise}:`, ...one] as const),
  ];
  const texts = writable.filter(
    ([, , { type, mutability }]) => mutability !== "readOnly" && ["string", "reference", "binary"].includes(type),
  );
  const readOnly = writable.filter(([, , { mutability }]) => mutability === "readOnly");
  let made = 0;

  test.each(texts)("%s%s compares with its case or without, as it says", async (prefix, path, attribute, parent) => {
    const value = attribute.type === "binary" ? "AbCd" : `AbC${(made += 1)}`;
    const part = { [path.split(".").at(-1) ?? ""]: value };
    const held = parent === undefined ? part : { [parent.name]: parent.multiValued ? [part] : part };
    const user = {
      userName: `case${(made += 1)}@example.test`,
      ...(prefix === "" ? held : { [prefix.slice(0, -1)]: held }),
    };
    expect((await tenant.scim("POST", "/Users", user)).status).toBe(201);
    const found = async (wanted: string) =>
      (await tenant.scim("GET", `/Users?filter=${encodeURIComponent(`${prefix}${path} eq "${wanted}"`)}`)).body[
        "totalResults"
      ];
    expect(await found(value)).toBe(1);
    expect(await found(value.toLowerCase())).toBe(attribute.caseExact === true ? 0 : 1);
  });

  test("what is required cannot be removed, and everything else can", async () => {
    const { body } = await tenant.scim("POST", "/Users", newUser("required"));
    const whole = writable.filter(([, , { mutability }, parent]) => parent === undefined && mutability !== "readOnly");
    for (const [prefix, path, { required }] of whole) {
      const removal = patch({ op: "remove", path: `${prefix}${path}` });
      const answer = await tenant.scim("PATCH", `/Users/${body["id"] as string}`, removal);
      expect([path, answer.status, answer.body["scimType"]]).toEqual(
        required ? [path, 400, "mutability"] : [path, 200, undefined],
      );
    }
  });

  test.each(readOnly)("%s%s is readOnly, and a PATCH of it is refused as such", async (prefix, path) => {
    const { body } = await tenant.scim("POST", "/Users", newUser(`ro${(made += 1)}`));
    const refused = await tenant.scim(
      "PATCH",
      `/Users/${body["id"] as string}`,
      patch({ op: "replace", path: `${prefix}${path}`, value: "x" }),
    );
    expect([refused.status, refused.body["scimType"]]).toEqual([400, "mutability"]);
  });
});
