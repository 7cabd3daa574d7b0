import type { FastifyPluginAsync } from "fastify";
import { type Credentials, createGroupDirectory, createUserDirectory, type Database } from "@rollcall/core/store";
import { scimRoutes } from "./scim/scim-routes.ts";

export type IngestDependencies = {
  readonly database: Database;
  readonly credentials: Credentials;
  readonly wake: (lanes: readonly number[]) => void;
  readonly publicUrl: string;
  readonly newId: () => string;
};

/** The SCIM door under `/scim/v2`. The bearer token names the connection, and so the tenant. */
export function ingestRoutes({
  database,
  credentials,
  wake,
  publicUrl,
  newId,
}: IngestDependencies): FastifyPluginAsync {
  return async (app) => {
    await app.register(
      scimRoutes({
        users: createUserDirectory(database, newId),
        groups: createGroupDirectory(database, newId),
        authenticate: async (token) => {
          const bearer = await credentials.authenticate(token, "scim");
          return bearer?.tenantId === undefined || bearer.connection === undefined
            ? undefined
            : { tenantId: bearer.tenantId, connection: bearer.connection };
        },
        wake,
        publicUrl,
        newId,
      }),
      { prefix: "/scim/v2" },
    );
  };
}
