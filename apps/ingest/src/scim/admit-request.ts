import type { FastifyReply, FastifyRequest } from "fastify";
import type { Admission } from "./admission.ts";
import { ConnectionPaused } from "./connection-paused.ts";
import { innerPurpose } from "./inner-request.ts";
import { kindOfRequest } from "./request-kind.ts";
import { callerOf } from "./scim-door.ts";

// Those that do their work by requests of their own, which take their turns by themselves.
const wholes = /\/(?<name>Bulk|Me)\/?$/;

/**
 * Counts a request and waits for its turn. A Bulk is counted by its operations, where they are
 * known; what is part of a whole was counted with it.
 */
export async function admitRequest(admission: Admission, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const caller = callerOf(request);
  const inner = innerPurpose(request);
  const whole = wholes.exec(request.routeOptions.url ?? "")?.groups?.["name"];
  const kind = kindOfRequest(request);
  // What takes access away is taken whoever has paused; of a Bulk or a /Me, each part says for itself what it is.
  if (caller.connection.pausedAt !== undefined && kind !== "denials" && whole === undefined)
    throw new ConnectionPaused();
  if (inner === undefined && whole !== "Bulk") await admission.take(caller, kind, 1);
  if (whole !== undefined || inner?.hasTurn === true) return;

  const leave = await admission.turn(caller, kind, inner !== undefined);
  // Whoever went away while waiting has no end that could be heard of any more.
  if (reply.raw.destroyed) leave();
  else reply.raw.once("close", leave);
}
