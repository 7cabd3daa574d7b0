export type ScimMediaType = "application/scim+json" | "application/json";

const token = "[\\w!#$%&'*+.^`|~-]+";
const range = new RegExp(`^(${token})/(${token})$`);

/**
 * The media type that an answer is given in (RFC 7644 §3.8, RFC 9110 §12.5.1): SCIM's own unless the
 * sender would rather have plain JSON; undefined where it takes neither. The bytes are the same.
 */
export function acceptedType(accept: string | undefined): ScimMediaType | undefined {
  if (accept === undefined || accept.trim() === "") return "application/scim+json";
  const ranges = accept.split(",").flatMap(readRange);
  // What cannot be read asks for nothing.
  if (ranges.length === 0) return "application/scim+json";
  const scim = qualityOf(ranges, "scim+json");
  const json = qualityOf(ranges, "json");
  if (scim === 0 && json === 0) return undefined;
  return scim >= json ? "application/scim+json" : "application/json";
}

type Range = { readonly type: string; readonly subtype: string; readonly quality: number };

function readRange(written: string): readonly Range[] {
  const [media = "", ...parameters] = written.split(";").map((part) => part.trim().toLowerCase());
  const [, type, subtype] = range.exec(media) ?? [];
  if (type === undefined || subtype === undefined) return [];
  const weight = parameters.find((parameter) => parameter.startsWith("q="));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  return [{ type, subtype, quality: Number.isFinite(quality) ? Math.min(1, Math.max(0, quality)) : 1 }];
}

// The most specific range decides, whatever the others say.
function qualityOf(ranges: readonly Range[], subtype: string): number {
  const named =
    ranges.find((one) => one.type === "application" && one.subtype === subtype) ??
    ranges.find((one) => one.type === "application" && one.subtype === "*") ??
    ranges.find((one) => one.type === "*" && one.subtype === "*");
  return named?.quality ?? 0;
}
