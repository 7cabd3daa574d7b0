import {
  type JsonObject,
  providerKinds,
  type ProviderKind,
  type ProviderSetting,
  settingsOfProvider,
} from "@rollcall/core/domain";
import { type Problem, RequestInvalid } from "./refusal.ts";

const lengthMax = 32_768;

/**
 * Reads what an admin says of a provider of this kind, each value of the type that its client takes.
 * Throws one refusal that lists everything that is wrong with it.
 */
export function readProviderSettings(kind: ProviderKind, given: Readonly<Record<string, string>>): JsonObject {
  const described = settingsOfProvider(kind);
  const missing = Object.entries(described)
    .filter(([name, { required }]) => required === true && given[name] === undefined)
    .map(([name, { meaning }]) => ({ at: `settings.${name}`, message: `is required: ${meaning}` }));
  const wrong = Object.entries(given).flatMap(([name, value]): readonly Problem[] => {
    // Every object has a "constructor", which no kind of provider describes.
    const message = problemWith(kind, Object.hasOwn(described, name) ? described[name] : undefined, value);
    return message === undefined ? [] : [{ at: `settings.${name}`, message }];
  });
  if (missing.length + wrong.length > 0) throw new RequestInvalid([...missing, ...wrong]);
  return nested(Object.entries(given).map(([name, value]) => [name, typed(described[name], value)]));
}

function problemWith(kind: ProviderKind, setting: ProviderSetting | undefined, value: string): string | undefined {
  if (setting === undefined) return `is no setting of ${providerKinds[kind].title}`;
  if (value === "" || value.length > lengthMax) return `must have 1 to ${lengthMax} characters`;
  if (setting.choices !== undefined && !setting.choices.includes(value))
    return `must be one of ${setting.choices.join(", ")}`;
  if (setting.type === "number" && !/^\d{1,6}(?:\.\d{1,3})?$/.test(value)) return "must be a number";
  if (setting.type === "flag" && value !== "true" && value !== "false") return "must be true or false";
  return setting.type === "address" ? problemWithAddress(kind, value) : undefined;
}

/** Where it leads is judged when it is asked: a name may lead elsewhere by then, and networks are the reconciler's to know. */
function problemWithAddress(kind: ProviderKind, value: string): string | undefined {
  const protocols = kind === "ldap" ? ["ldaps:", "ldap:"] : ["https:", "http:"];
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !protocols.includes(url.protocol))
    return `must be a URL that begins with ${protocols.join("// or ")}//`;
  const isPlain = url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  return isPlain ? undefined : "must hold no user, password, query or fragment";
}

function typed(setting: ProviderSetting | undefined, value: string): string | number | boolean {
  if (setting?.type === "number") return Number(value);
  return setting?.type === "flag" ? value === "true" : value;
}

/** `pace.perSec` is `perSec` of `pace`. */
function nested(entries: readonly (readonly [string, string | number | boolean])[]): JsonObject {
  const whole: Record<string, JsonObject | string | number | boolean> = {};
  for (const [name, value] of entries) {
    const [group = name, own] = name.split(".");
    if (own === undefined) whole[group] = value;
    else whole[group] = { ...(whole[group] as JsonObject | undefined), [own]: value };
  }
  return whole;
}
