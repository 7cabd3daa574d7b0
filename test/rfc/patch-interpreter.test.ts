import { expect, test } from "vitest";
import { enterprise, userShape } from "./patch-arbitrary.ts";
import {
  asRollcallDoes,
  asTheRfcSays,
  interpret,
  type Operation,
  Refused,
  type Resource,
  type Tolerances,
} from "./patch-interpreter.ts";

const work = { value: "bjensen@example.com", type: "work", primary: true };
const home = { value: "babs@jensen.org", type: "home" };
const manager = { value: "26118915", $ref: "../Users/26118915" };
const babs: Resource = {
  userName: "bjensen",
  active: true,
  name: { familyName: "Jensen" },
  emails: [work, home],
  [enterprise]: { manager },
};
const ofType = (to: string) => ({ sub: "type", is: "eq", to }) as const;

function outcome(tolerances: Tolerances, operation: Operation): unknown {
  try {
    return interpret({ shape: userShape, tolerances }, babs, [operation]);
  } catch (error) {
    if (error instanceof Refused) return error.scimType;
    throw error;
  }
}

const departures: Record<keyof Tolerances, readonly [Operation, rfc: unknown, ours: unknown]> = {
  createsTheSelected: [
    { op: "replace", target: { attribute: "emails", where: ofType("other"), sub: "value" }, value: "x" },
    "noTarget",
    { ...babs, emails: [work, home, { type: "other", value: "x" }] },
  ],
  removesByValue: [
    { op: "remove", target: { attribute: "emails" }, value: [{ value: "babs@jensen.org" }] },
    without("emails"),
    { ...babs, emails: [work] },
  ],
  keepsTheSelected: [
    { op: "replace", target: { attribute: "emails", where: ofType("home") }, value: { value: "x" } },
    { ...babs, emails: [work, { value: "x" }] },
    { ...babs, emails: [work, { type: "home", value: "x" }] },
  ],
  dropsLabels: [
    { op: "remove", target: { attribute: "emails", where: ofType("home"), sub: "value" } },
    { ...babs, emails: [work, { type: "home" }] },
    { ...babs, emails: [work] },
  ],
  knowsElements: [
    { op: "add", target: { attribute: "emails" }, value: [{ value: "babs@jensen.org" }] },
    { ...babs, emails: [work, home, { value: "babs@jensen.org" }] },
    babs,
  ],
  readsReferences: [
    { op: "replace", target: { urn: enterprise, attribute: "manager" }, value: { value: "902c246b" } },
    { ...babs, [enterprise]: { manager: { ...manager, value: "902c246b" } } },
    { ...babs, [enterprise]: { manager: { value: "902c246b" } } },
  ],
  keepsState: [{ op: "remove", target: { attribute: "active" } }, without("active"), "mutability"],
};

test.each(Object.entries(departures))(
  "the model departs from the RFC by %s, and there by nothing else",
  (name, [operation, rfc, ours]) => {
    expect(outcome(asTheRfcSays, operation)).toEqual(rfc);
    expect(outcome({ ...asTheRfcSays, [name]: true }, operation)).toEqual(ours);
    expect(outcome(asRollcallDoes, operation)).toEqual(ours);
    expect(outcome({ ...asRollcallDoes, [name]: false }, operation)).toEqual(rfc);
  },
);

test("where there is nothing to tolerate, the RFC's reading and ours are one", () => {
  for (const operation of [
    { op: "add", value: { nickName: "Babs", "name.givenName": "Barbara" } },
    { op: "replace", target: { attribute: "name" }, value: { givenName: "Barbara" } },
    { op: "remove", target: { attribute: "name", sub: "familyName" } },
    { op: "replace", target: { attribute: "emails", where: ofType("home"), sub: "primary" }, value: true },
    { op: "remove", target: { attribute: "emails", where: ofType("work") } },
    { op: "remove", target: { attribute: "userName" } },
    { op: "remove" },
  ] satisfies readonly Operation[]) {
    expect([operation, outcome(asTheRfcSays, operation)]).toEqual([operation, outcome(asRollcallDoes, operation)]);
  }
});

function without(attribute: string): Resource {
  const { [attribute]: _removed, ...rest } = babs;
  return rest;
}
