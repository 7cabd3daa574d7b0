import type { GroupAttributes, Json, JsonObject, UserAttributes } from "@rollcall/core/domain";
import { groupResource, userResource } from "../../apps/ingest/src/scim/resource.ts";
import { locationsUnder } from "../../apps/ingest/src/scim/resource-location.ts";
import {
  type ConnectionSchemas,
  type ResourceSchema,
  schemaOf,
  standardSchemas,
} from "../../apps/ingest/src/scim/schema.ts";
import { readUserBody } from "../../apps/ingest/src/scim/user-body.ts";

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const fuzzUrn = "urn:example:fuzz:2.0:User";

/** A schema of a connection's own with an attribute of every type and kind. */
const fuzzExtension = schemaOf({
  id: fuzzUrn,
  attributes: [
    { name: "code", type: "string", caseExact: true },
    { name: "number", type: "decimal" },
    { name: "count", type: "integer" },
    { name: "since", type: "dateTime" },
    { name: "blob", type: "binary" },
    { name: "flag", type: "boolean" },
    { name: "tags", type: "string", multiValued: true },
    { name: "fixed", type: "string", mutability: "immutable" },
    {
      name: "badges",
      type: "complex",
      multiValued: true,
      subAttributes: [
        { name: "value", type: "string" },
        { name: "since", type: "dateTime" },
        { name: "level", type: "integer" },
        { name: "given", type: "string", mutability: "readOnly" },
      ],
    },
    {
      name: "link",
      type: "complex",
      subAttributes: [
        { name: "value", type: "string" },
        { name: "$ref", type: "reference" },
      ],
    },
  ],
});

const { user, group } = standardSchemas;
export const fuzzUserSchema: ResourceSchema = { ...user, extensions: [...user.extensions, fuzzExtension] };
export const fuzzGroupSchema: ResourceSchema = group;

/** A user that has one of everything. */
export const everything: JsonObject = {
  schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise, fuzzUrn],
  userName: "bjensen@example.com",
  externalId: "701984",
  active: true,
  name: { formatted: "Ms. Barbara J Jensen, III", familyName: "Jensen", givenName: "Barbara" },
  emails: [
    { value: "bjensen@example.com", type: "work", primary: true },
    { value: "babs@jensen.org", type: "home" },
  ],
  addresses: [{ type: "work", streetAddress: "100 Universal City Plaza", locality: "Hollywood", primary: true }],
  phoneNumbers: [{ value: "555-555-5555", type: "work" }],
  photos: [{ value: "https://photos.example.com/F", type: "photo" }],
  roles: [{ value: '{"id":"827f0d2e","value":"Admin","displayName":"Admin"}' }],
  x509Certificates: [{ value: "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVMx" }],
  [enterprise]: { employeeNumber: "701984", manager: { value: "26118915", $ref: "../Users/26118915" } },
  [fuzzUrn]: {
    code: "A",
    number: 1.5,
    count: 7,
    since: "2026-01-01T00:00:00Z",
    blob: "QUJD",
    flag: true,
    tags: ["a", "B"],
    badges: [{ value: "b", since: "2026-01-01T00:00:00+02:00", level: 3 }],
    link: { value: "u-1", $ref: "../Users/u-1" },
    fixed: "once",
  },
};

/** As many values as an attribute may have, so that whatever is done for each is done a hundred times. */
const crowd = Array.from({ length: 100 }, (_none, at) => ({
  value: `person.${at}@department-${at % 7}.example.com`,
  type: at % 2 === 0 ? "work" : "home",
  display: `Person Nr. ${at}`,
}));

const plain = { userName: "ann@ex.test", active: true };
const crowded = {
  userName: "ann@ex.test",
  active: false,
  emails: crowd,
  roles: crowd,
  addresses: crowd.map(({ type, display }) => ({ type, locality: display })),
};

/** The users that PATCHes are applied to; frozen, so that whoever changes one instead of a copy is found. The last is the crowded one. */
export const userSamples: readonly UserAttributes[] = [plain, everything, plain, everything, crowded].map((sample) =>
  frozen(readUserBody(fuzzUserSchema, sample)),
);

export const groupSample: GroupAttributes = frozen({ displayName: "Sales", externalId: "8aa1a0c0" });

const schemas: ConnectionSchemas = { ...standardSchemas, user: fuzzUserSchema };
const locations = locationsUnder("https://rollcall.test");
const held = {
  id: "0198a000-0000-7000-8000-000000000001",
  version: 1,
  createdAt: new Date(0),
  updatedAt: new Date(0),
};

/** A user and a group as they are shown, and as they arrive at whoever reads that. */
export function shownUser(attributes: UserAttributes): JsonObject {
  return asJson(userResource(schemas, { ...held, attributes }, [], locations));
}

export function shownGroup(attributes: GroupAttributes): JsonObject {
  return asJson(groupResource(schemas, { ...held, attributes }, [], locations));
}

/** Each sample as it is shown. */
export const shownUsers: readonly JsonObject[] = userSamples.map(shownUser);

function asJson(resource: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(resource)) as JsonObject;
}

function frozen<Value extends Json>(value: Value): Value {
  if (typeof value === "object" && value !== null)
    for (const part of Object.values(Object.freeze(value))) frozen(part as Json);
  return value;
}
