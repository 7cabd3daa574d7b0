import type { FastifyInstance } from "fastify";
import { notFound } from "./conditional-write.ts";
import { resourceTypes, schemas, serviceProviderConfig } from "./discovery.ts";
import { answer, listBody, type ScimDoor } from "./scim-door.ts";

type ById = { Params: { readonly id: string } };

/** `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 §4). */
export function discoveryRoutes(app: FastifyInstance, door: ScimDoor): void {
  const documents = [
    { path: "/ResourceTypes", resources: resourceTypes(door.locations) },
    { path: "/Schemas", resources: schemas(door.locations) },
  ];
  for (const slash of ["", "/"]) {
    app.get(`/ServiceProviderConfig${slash}`, (_request, reply) =>
      answer(reply, 200, serviceProviderConfig(door.locations)),
    );
    for (const { path, resources } of documents) {
      app.get(`${path}${slash}`, (_request, reply) => answer(reply, 200, listBody(resources.length, 1, resources)));
      app.get<ById>(`${path}/:id${slash}`, (request, reply) => {
        const wanted = request.params.id.toLowerCase();
        const resource = resources.find(({ id }) => id.toLowerCase() === wanted);
        if (resource === undefined) throw notFound();
        return answer(reply, 200, resource);
      });
    }
  }
}
