import { DirectoryError } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { notFound } from "./conditional-write.ts";
import { contentTag, resourceTypes, schemas, serviceProviderConfig } from "./discovery.ts";
import type { Query } from "./list-parameters.ts";
import { isKnown } from "./precondition.ts";
import { answer, callerOf, listBody, type ScimDoor } from "./scim-door.ts";
import type { ConnectionSchemas } from "./schema.ts";

type Discovery = { Querystring: Query };
type ById = Discovery & { Params: { readonly id: string } };
type Document = { readonly id: string; readonly meta: { readonly version: string } };

/** `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 §4), as they are for the connection that asks. */
export function discoveryRoutes(app: FastifyInstance, door: ScimDoor): void {
  const config = serviceProviderConfig(door.locations);
  const collections = [
    { path: "/ResourceTypes", documents: remembered((known) => resourceTypes(door.locations, known)) },
    { path: "/Schemas", documents: remembered((known) => schemas(door.locations, known)) },
  ];
  for (const slash of ["", "/"]) {
    app.get<Discovery>(`/ServiceProviderConfig${slash}`, (request, reply) =>
      answerDocument(request, reply, config.meta.version, config),
    );
    for (const { path, documents } of collections) {
      app.get<Discovery>(`${path}${slash}`, (request, reply) => {
        const all = documents(callerOf(request).schemas);
        const list = listBody(all.length, 1, all);
        return answerDocument(request, reply, contentTag(all.map(({ meta }) => meta.version)), list);
      });
      app.get<ById>(`${path}/:id${slash}`, (request, reply) => {
        const wanted = request.params.id.toLowerCase();
        const document = documents(callerOf(request).schemas).find(({ id }) => id.toLowerCase() === wanted);
        if (document === undefined) throw notFound();
        return answerDocument(request, reply, document.meta.version, document);
      });
    }
  }
}

function answerDocument(
  request: FastifyRequest<Discovery>,
  reply: FastifyReply,
  etag: string,
  document: object,
): FastifyReply {
  // RFC 7644 §4: whoever filters here must not take the answer for filtered. Other parameters are ignored.
  if (request.query["filter"] !== undefined)
    throw new DirectoryError("forbidden", "this endpoint cannot be filtered; ask without a filter");
  reply.header("etag", etag);
  return isKnown(request.headers["if-none-match"], etag) ? reply.code(304).send() : answer(reply, 200, document);
}

/** What follows from a connection's schemas is worked out once, and forgotten with them. */
function remembered<Documents extends readonly Document[]>(
  describe: (known: ConnectionSchemas) => Documents,
): (known: ConnectionSchemas) => Documents {
  const known = new WeakMap<ConnectionSchemas, Documents>();
  return (connectionSchemas) => {
    const documents = known.get(connectionSchemas) ?? describe(connectionSchemas);
    known.set(connectionSchemas, documents);
    return documents;
  };
}
