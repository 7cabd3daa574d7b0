import type { FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "./scim-door.ts";

const namesMax = 10;
const nameLengthMax = 120;

/**
 * Tells the sender, in a Warning header, and the log which names were passed over: what is dropped
 * in silence is missed by nobody until it is needed. Says nothing where nothing was.
 */
export function warnOfNames(
  request: FastifyRequest,
  reply: FastifyReply,
  caller: Caller,
  names: readonly string[],
): void {
  const distinct = [...new Set(names)];
  if (distinct.length === 0) return;
  const more = distinct.length > namesMax ? ` and ${distinct.length - namesMax} more` : "";
  const shown = distinct.slice(0, namesMax).map(shownName);
  reply.header("warning", `299 - "unknown attributes passed over: ${shown.join(", ")}${more}"`);
  request.log.warn(
    { tenant: caller.tenantId, connection: caller.connectionId, names: shown, count: distinct.length },
    "attributes that the schema does not know were passed over",
  );
}

// A name is the sender's own text: what is no name, or stands between brackets, may be a person's.
function shownName(name: string): string {
  const [plain = ""] = name.split("[", 1);
  return /^[\w.:$/-]+$/.test(plain) ? plain.slice(0, nameLengthMax) : "(no name)";
}
