import { type DialectProfile, DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { parseJson } from "./json-text.ts";
import { isArray } from "./same-json.ts";

const enterpriseUrn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
// SCIM 1.1's URNs, and those of the drafts between 1.1 and 2.0, which some templates still have.
const oldUrn = /^urn:scim:schemas:(core|extension:enterprise):[12]\.0(?::(?:User|Group))?(?=[:.]|$)/i;
const oldManager = /(^|[:.])manager\.managerId$/i;

/**
 * Says a body in the RFC's words where the sender's profile has others for them: names of SCIM 1.1,
 * and roles as JSON text. The first of the three steps; what the words mean is `readChanges`' to say.
 */
export function reword(profile: DialectProfile, body: Json): Json {
  if (profile.oldNames !== "read" && profile.roleText !== "read") return body;
  return rewordValue(profile, "", body);
}

// `under` is the last name on the way to the value, in lower case.
function rewordValue(profile: DialectProfile, under: string, value: Json): Json {
  if (isArray(value)) return value.map((element) => rewordValue(profile, under, element));
  if (!isObject(value)) return value;

  const said = profile.roleText === "read" && under === "roles" ? withRoleRead(value) : value;
  const path = under === "operations" ? pathOf(said) : undefined;
  const entries = Object.entries(said).map(([name, part]): readonly [string, Json] => {
    const lower = name.toLowerCase();
    if (lower === "path" && path !== undefined) return [name, newName(profile, "", path)];
    const below = lower === "value" && path !== undefined ? lastName(path) : lastName(name);
    return [newName(profile, under, name), rewordValue(profile, below, part)];
  });
  return objectOf(entries);
}

function newName(profile: DialectProfile, under: string, name: string): string {
  if (profile.oldNames !== "read") return name;
  if (under === "manager" && name.toLowerCase() === "managerid") return "value";

  const urn = oldUrn.exec(name);
  const rest = urn === null ? "" : name.slice(urn[0].length + 1);
  if (urn === null || (urn[1]?.toLowerCase() === "core" && rest === ""))
    return name.replace(oldManager, "$1manager.value");
  const modern =
    urn[1]?.toLowerCase() === "core" ? rest : [enterpriseUrn, rest].filter((part) => part !== "").join(":");
  return modern.replace(oldManager, "$1manager.value");
}

// Two names that have become one are two answers to one question, as in `parseJson`.
function objectOf(entries: readonly (readonly [string, Json])[]): JsonObject {
  const names = new Set(entries.map(([name]) => name.toLowerCase()));
  if (names.size < entries.length) {
    throw new DirectoryError("syntax_invalid", "body names an attribute twice in one object");
  }
  return Object.fromEntries(entries);
}

function pathOf(operation: JsonObject): string | undefined {
  const path = Object.entries(operation).find(([name]) => name.toLowerCase() === "path")?.[1];
  return typeof path === "string" ? path.trim() : undefined;
}

/** `roles` of `roles[primary eq "True"]`, `manager` of `<urn>:manager`. */
function lastName(name: string): string {
  const plain = name.replace(/\[[^\]]*\]$/, "");
  return plain.slice(Math.max(plain.lastIndexOf(":"), plain.lastIndexOf(".")) + 1).toLowerCase();
}

// Entra's AppRoleAssignmentsComplex puts a role as JSON text into `value`.
function withRoleRead(element: JsonObject): JsonObject {
  const text = element["value"];
  if (typeof text !== "string" || !text.startsWith("{")) return element;

  let role: Json;
  try {
    role = parseJson(Buffer.from(text));
  } catch {
    return element;
  }
  if (!isObject(role) || typeof role["value"] !== "string") return element;
  const { value: _text, ...rest } = element;
  const display = typeof role["displayName"] === "string" ? { display: role["displayName"] } : {};
  return { ...display, ...rest, value: role["value"] };
}
