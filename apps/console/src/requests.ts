import { isId } from "@rollcall/core/domain";
import type { KeysetRequest } from "@rollcall/core/store";
import { z } from "zod";
import { isStorable, notFound } from "./admin-door.ts";
import { type Problem, RequestInvalid } from "./refusal.ts";

const pageSize = 50;
const pageSizeMax = 200;

/** Text that can be stored and shown on one line. */
export function text(lengthMax: number) {
  return z
    .string()
    .min(1, "must not be empty")
    .max(lengthMax, `must have at most ${lengthMax} characters`)
    .refine(isStorable, "must be well-formed text")
    .refine((value) => !/\p{Cc}/u.test(value), "must not contain control characters");
}

/** A subject as an identity provider wrote it, blanks and all. */
export const subject = z
  .string()
  .min(1, "must not be empty")
  .max(255, "must have at most 255 characters")
  .refine(isStorable, "must be well-formed text");

export const id = z.string().refine(isId, "must be a UUID in lower case");
export const slug = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    "must be 1 to 63 lower-case letters, digits or hyphens, and not begin with a hyphen",
  );
/** Byte-exact, as tokens carry it, so nothing is normalised here. */
export const issuer = text(512).refine(
  (value) => URL.canParse(value) && /^https?:\/\/[^/?#]+[^?#]*$/.test(value),
  "must be an http or https URL without query and fragment",
);

const limit = z.coerce.number().int().min(1).max(pageSizeMax).default(pageSize);

/** The query of a list in the order of ids. */
export const pageQuery = { after: id.optional(), limit };

/** The query of a list whose cursor is not an id of ours. */
export function pageQueryOf<Cursor extends z.ZodType>(cursor: Cursor) {
  return { after: cursor.optional(), limit };
}

export function keysetOf(query: { readonly after?: string | undefined; readonly limit: number }): KeysetRequest {
  return { after: query.after, limit: query.limit };
}

/** Reads what a route takes. Throws one refusal that lists every problem. */
export function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, problems } = check(schema, value);
  if (problems.length > 0) throw new RequestInvalid(problems);
  return data as z.output<Schema>;
}

/** Reads a part of what a route takes: what was read, or everything that is wrong with it. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): { readonly data: z.output<Schema> | undefined; readonly problems: readonly Problem[] } {
  const result = schema.safeParse(value ?? {});
  return result.success
    ? { data: result.data, problems: [] }
    : { data: undefined, problems: result.error.issues.flatMap(problemsOf) };
}

/** Reads an id from the path; what cannot be one names nothing. */
export function idIn(params: unknown, name = "id"): string {
  const value = (params as Readonly<Record<string, string>>)[name] ?? "";
  if (!isId(value)) throw notFound();
  return value;
}

function problemsOf(issue: z.core.$ZodIssue): readonly Problem[] {
  // What was sent stays out of the answer; where it was wrong is enough.
  if (issue.code === "unrecognized_keys")
    return [{ at: issue.path.join("."), message: "names what this route does not take" }];
  return [{ at: issue.path.join("."), message: issue.message }];
}
