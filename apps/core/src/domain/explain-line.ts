import { refusalCauses } from "./explain-refusal.ts";

/** What a line of a gateway's log says of one refusal. */
export type RefusalLine = {
  /** A token that somebody logs and should not; it says more than all the rest. */
  readonly token?: string;
  readonly requestId?: string;
  readonly reason?: string;
  readonly iss?: string;
  readonly sub?: string;
  readonly at?: Date;
};

const textMax = 1_024;
const idMax = 128;
const depthMax = 4;
const namesOf = {
  requestId: ["reqid", "requestid", "request", "xrequestid", "rollcall"],
  reason: ["reason"],
  iss: ["iss", "issuer"],
  sub: ["sub", "subject"],
  at: ["time", "at", "timestamp", "ts", "starttime"],
} as const;
type Field = keyof typeof namesOf;

const token = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/;
const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/i;
const reasonWord = new RegExp(`\\b(?:${Object.keys(refusalCauses).join("|")})\\b`);
/** As in `request_id=…`, `iss: "…"`. */
const pair = /([A-Za-z][\w-]{0,40})\s{0,2}[=:]\s{0,2}(?:"([^"]{0,1024})"|([^\s",;}\]]{1,1024}))/g;
/** What the client asked for is the client's word. */
const requestLine = /"[A-Z]{3,10} [^"]{0,8192} HTTP\/[\d.]{1,3}"/g;
/** As nginx, Apache and HAProxy write it; without a zone it is taken for UTC. */
const commonTime = /\[(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)(?: ([+-]\d{4}))?\]/;
const isoTime = /\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})?/;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * Reads what a gateway logged of a refusal: JSON as authz and the guard's decisions are written, or text as an
 * access log is. What it cannot read it leaves out. It believes nothing: a line may come from anywhere.
 */
export function readRefusalLine(line: string): RefusalLine {
  const said = new Map<Field, unknown>();
  const own = line.replaceAll(requestLine, "");
  const begin = own.indexOf("{");
  const end = own.lastIndexOf("}");
  if (begin !== -1 && end > begin) gather(parsed(own.slice(begin, end + 1)), said, 0);
  for (const [, name = "", quoted, bare] of own.matchAll(pair)) note(said, name, quoted ?? bare);
  const requestId = textOf(said.get("requestId"), idMax) ?? uuid.exec(own)?.[0];
  const reason = reasonOf(said.get("reason")) ?? reasonWord.exec(own)?.[0];
  const at = timeOf(said.get("at")) ?? timeIn(own);
  return {
    ...present("token", token.exec(line)?.[0]),
    ...present("requestId", requestId),
    ...present("reason", reason),
    ...present("iss", textOf(said.get("iss"), textMax)),
    ...present("sub", textOf(said.get("sub"), textMax)),
    ...present("at", at),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The first of each name, the outermost before what is in it. */
function gather(value: unknown, said: Map<Field, unknown>, depth: number): void {
  if (typeof value !== "object" || value === null || depth > depthMax) return;
  const entries = Object.entries(value);
  for (const [name, one] of entries) if (typeof one !== "object") note(said, name, one);
  for (const [, one] of entries) gather(one, said, depth + 1);
}

function note(said: Map<Field, unknown>, name: string, value: unknown): void {
  const plain = name.toLowerCase().replaceAll(/[_-]/g, "");
  const field = (Object.keys(namesOf) as Field[]).find((one) => (namesOf[one] as readonly string[]).includes(plain));
  if (field !== undefined && !said.has(field) && value !== "" && value !== "-") said.set(field, value);
}

function textOf(value: unknown, lengthMax: number): string | undefined {
  const isText = typeof value === "string" && value !== "" && value.length <= lengthMax;
  return isText && !value.includes("\0") && value.isWellFormed() ? value : undefined;
}

function reasonOf(value: unknown): string | undefined {
  return typeof value === "string" && Object.hasOwn(refusalCauses, value) ? value : undefined;
}

function timeIn(line: string): Date | undefined {
  const [, day, month = "", year, clock, zone = "+0000"] = commonTime.exec(line) ?? [];
  if (day !== undefined && months.includes(month)) {
    const number = String(months.indexOf(month) + 1).padStart(2, "0");
    return timeOf(`${year}-${number}-${day}T${clock}${zone.slice(0, 3)}:${zone.slice(3)}`);
  }
  return timeOf(isoTime.exec(line)?.[0]);
}

/** Milliseconds or seconds since the epoch, or a date. */
function timeOf(value: unknown): Date | undefined {
  const number =
    typeof value === "number" ? value : /^\d{10,13}(?:\.\d+)?$/.test(String(value)) ? Number(value) : undefined;
  const at =
    number === undefined
      ? new Date(String(value).replace(",", "."))
      : new Date(number < 1e11 ? number * 1_000 : number);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

function present<Name extends keyof RefusalLine>(
  name: Name,
  value: RefusalLine[Name] | undefined,
): Pick<RefusalLine, Name> | object {
  return value === undefined ? {} : { [name]: value };
}
