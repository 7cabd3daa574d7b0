import type { FastifyReply, FastifyRequest } from "fastify";

/** How much of the outcome a sender wants to see (RFC 7240 §4.2); undefined where it does not say. */
export type ReturnPreference = "minimal" | "representation" | undefined;

/** Reads `Prefer: return=…`. Of several the first counts (RFC 7240 §2); what is not known is passed over. */
export function returnPreference(request: FastifyRequest): ReturnPreference {
  const header = request.headers["prefer"];
  if (header === undefined) return undefined;
  const preferences = (Array.isArray(header) ? header.join(",") : header).split(",");
  for (const preference of preferences) {
    const [, value] = /^\s*return\s*=\s*"?([\w-]*)"?\s*(?:;|$)/i.exec(preference) ?? [];
    if (value !== undefined) return knownReturn(value.toLowerCase());
  }
  return undefined;
}

/** Says that the preference was followed. */
export function applied(reply: FastifyReply, preference: Exclude<ReturnPreference, undefined>): FastifyReply {
  return reply.header("preference-applied", `return=${preference}`);
}

function knownReturn(value: string): ReturnPreference {
  return value === "minimal" || value === "representation" ? value : undefined;
}
