import { DirectoryError } from "@rollcall/core/domain";
import type { FastifyRequest } from "fastify";
import { innerPurpose } from "./inner-request.ts";
import type { Caller } from "./scim-door.ts";

// The router's own names, so that no spelling of a path is judged otherwise than it is routed.
const forPeople = /^\/(?:Me|ServiceProviderConfig|(?:ResourceTypes|Schemas)(?:\/:id)?)\/?$/;

/** Throws `forbidden` for everything that a person's token asks for beside the person themselves. */
export function requireAccess(caller: Caller, request: FastifyRequest): void {
  if (caller.userId === undefined || innerPurpose(request)?.part === "me") return;
  const { prefix } = request.server;
  const route = request.routeOptions.url;
  if (route?.startsWith(prefix) === true && forPeople.test(route.slice(prefix.length))) return;
  throw new DirectoryError(
    "forbidden",
    "this token speaks for one user: it may read, change and delete /Me, and read what this server can do",
  );
}
