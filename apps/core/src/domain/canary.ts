import type { Connection } from "./connection.ts";
import type { JsonObject, UserAttributes } from "./directory.ts";
import { isObject } from "./subject.ts";

/** What a canary's user goes through, in this order. */
export const canarySteps = ["create", "visible", "deactivate", "refused"] as const;
export type CanaryStep = (typeof canarySteps)[number];

/** How long a step took; one that missed its deadline ends the round. */
export type CanaryTiming = { readonly step: CanaryStep; readonly ms: number; readonly ok: boolean };

/** Rounds of one canary never meet: all of its steps and the cleaning up have time before the next. */
export function canaryEverySecMin(deadlineMs: number): number {
  return Math.max(60, Math.ceil(((canarySteps.length + 1) * deadlineMs) / 1_000));
}

/**
 * The user of a connection's canary: always the same one, so that it leaves no more than one tombstone, with
 * whatever attribute the connection's subjects are read from.
 */
export function canaryAttributes(
  connection: Pick<Connection, "id" | "subjectRule" | "subjectAttribute">,
): UserAttributes {
  const name = `rollcall-canary-${connection.id}`;
  // RFC 6761 §6.4: nobody ever gets mail there.
  const address = `${name}@canary.invalid`;
  const attributes: UserAttributes = {
    userName: address,
    externalId: name,
    active: true,
    displayName: "Rollcall canary",
    emails: [{ value: address, type: "work", primary: true }],
  };
  if (connection.subjectRule !== "attribute") return attributes;
  return withAttribute(attributes, pathOf(connection.subjectAttribute), name);
}

function pathOf(path: string): readonly string[] {
  if (!path.startsWith("urn:")) return path.endsWith("[primary]") ? [] : path.split(".");
  const colon = path.lastIndexOf(":");
  return [path.slice(0, colon), path.slice(colon + 1)];
}

/** What is there already serves as it is. */
function withAttribute<Attributes extends JsonObject>(
  attributes: Attributes,
  [name, ...rest]: readonly string[],
  value: string,
): Attributes {
  if (name === undefined) return attributes;
  const held = attributes[name];
  if (rest.length === 0) return held === undefined ? { ...attributes, [name]: value } : attributes;
  return { ...attributes, [name]: withAttribute(isObject(held) ? held : {}, rest, value) };
}
