import type { ResourceKind } from "@rollcall/core/domain";
import type { FastifyInstance } from "fastify";
import { listResources, searchResources } from "./list-resources.ts";
import type { Collection } from "./resource-routes.ts";
import type { ScimDoor } from "./scim-door.ts";

const searched: readonly { readonly path: string; readonly kinds: readonly ResourceKind[] }[] = [
  { path: "", kinds: ["User", "Group"] },
  { path: "/Users", kinds: ["User"] },
  { path: "/Groups", kinds: ["Group"] },
];

/** `/.search`, `/Users/.search` and `/Groups/.search` (RFC 7644 §3.4.3), and the root itself (§3.4.2.1). */
export function searchRoutes(app: FastifyInstance, door: ScimDoor): void {
  for (const { path, kinds } of searched) {
    for (const slash of ["", "/"]) {
      app.post<Collection>(`${path}/.search${slash}`, (request, reply) => searchResources(door, kinds, request, reply));
    }
  }
  // Both with a slash and without, by Fastify's own doing.
  app.get<Collection>("/", (request, reply) => listResources(door, ["User", "Group"], request, reply));
}
