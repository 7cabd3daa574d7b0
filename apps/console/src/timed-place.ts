const written = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d{1,6})?[+-](?:0\d|1[0-5])(?::[0-5]\d)?$/;

/** Where a page ends whose rows are in the order of their moments: a moment as PostgreSQL writes it, and what tells rows of one moment apart. */
export type TimedPlace = { readonly at: string; readonly id: string };

export function encodeTimedPlace({ at, id }: { readonly at: string; readonly id: string | number }): string {
  return Buffer.from(JSON.stringify([at, String(id)])).toString("base64url");
}

/** Undefined for what no page has answered; the id may be anything. */
export function decodeTimedPlace(encoded: string): TimedPlace | undefined {
  const parts = parsed(Buffer.from(encoded, "base64url").toString("utf8"));
  if (!Array.isArray(parts) || parts.length !== 2) return undefined;
  const [at, id] = parts as readonly unknown[];
  return typeof at === "string" && typeof id === "string" && isWritten(at) ? { at, id } : undefined;
}

/** PostgreSQL reads no year 0, no 30 February and no zone beyond 15 hours, all of which `Date` takes for something. */
function isWritten(at: string): boolean {
  const [, day = "", clock = ""] = written.exec(at) ?? [];
  const read = new Date(`${day}T${clock}Z`);
  return day > "0001" && !Number.isNaN(read.getTime()) && read.toISOString().startsWith(`${day}T${clock}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
