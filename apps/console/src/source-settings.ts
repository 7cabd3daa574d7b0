import {
  commonSourceSettings,
  type JsonObject,
  sourceKinds,
  type SourceKind,
  type SourceSetting,
} from "@rollcall/core/domain";
import type { AdminDoor } from "./admin-door.ts";
import { type Problem, RequestInvalid } from "./refusal.ts";

const lengthMax = 2_048;

/** Reads what an admin says of a source of this kind. Throws one refusal that lists everything that is wrong with it. */
export function readSourceSettings(
  { asking }: Pick<AdminDoor, "asking">,
  kind: SourceKind,
  given: Readonly<Record<string, string>>,
): JsonObject {
  const described: Readonly<Record<string, SourceSetting>> = { ...sourceKinds[kind].settings, ...commonSourceSettings };
  const missing = Object.entries(described)
    .filter(([name, { required }]) => required && given[name] === undefined)
    .map(([name, { meaning }]) => ({ at: `settings.${name}`, message: `is required: ${meaning}` }));
  const wrong = Object.entries(given).flatMap(([name, value]): readonly Problem[] => {
    // Every object has a "constructor", which no kind of source describes.
    const message = problemWith(asking, Object.hasOwn(described, name) ? described[name] : undefined, value);
    return message === undefined ? [] : [{ at: `settings.${name}`, message }];
  });
  if (missing.length + wrong.length > 0) throw new RequestInvalid([...missing, ...wrong]);
  return given;
}

function problemWith(
  asking: AdminDoor["asking"],
  setting: SourceSetting | undefined,
  value: string,
): string | undefined {
  if (setting === undefined) return "is no setting of this kind of source";
  if (value.length > lengthMax) return `must have at most ${lengthMax} characters`;
  if (setting.choices !== undefined && !setting.choices.includes(value))
    return `must be one of ${setting.choices.join(", ")}`;
  return setting.asked === true ? asking.refusalOf(value) : undefined;
}
