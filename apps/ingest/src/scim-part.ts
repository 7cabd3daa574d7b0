import type { FastifyPluginAsync } from "fastify";
import {
  type Credentials,
  createDirectoryLists,
  createGroupDirectory,
  createUserDirectory,
  type Database,
  readConnectionSchemas,
  readResourceNames,
} from "@rollcall/core/store";
import { type AdmissionOptions, createAdmission } from "./scim/admission.ts";
import { createConnectionSchemas } from "./scim/connection-schemas.ts";
import { createPageCursors } from "./scim/page-cursor.ts";
import { otherVersions } from "./scim/other-versions.ts";
import { scimRoutes } from "./scim/scim-routes.ts";

export type IngestDependencies = {
  readonly database: Database;
  readonly credentials: Credentials;
  readonly wake: (lanes: readonly number[], denying: boolean) => void;
  readonly publicUrl: string;
  readonly newId: () => string;
  readonly now?: () => number;
  /** How much each connection may ask for, and who counts it. */
  readonly admission: AdmissionOptions;
};

/** The SCIM door under `/scim/v2`. The bearer token names the connection, and so the tenant. */
export function ingestRoutes({
  database,
  credentials,
  wake,
  publicUrl,
  newId,
  now = Date.now,
  admission,
}: IngestDependencies): FastifyPluginAsync {
  return async (app) => {
    await app.register(
      scimRoutes({
        users: createUserDirectory(database, newId),
        groups: createGroupDirectory(database, newId),
        lists: createDirectoryLists(database, { now }),
        cursors: createPageCursors(credentials.keyFor("scim cursors"), now),
        authenticate: async (token) => {
          const bearer = await credentials.authenticate(token, "scim");
          return bearer?.tenantId === undefined || bearer.connection === undefined
            ? undefined
            : { tenantId: bearer.tenantId, connection: bearer.connection, userId: bearer.userId };
        },
        schemasOf: createConnectionSchemas((tenantId, connectionId) =>
          readConnectionSchemas(database, tenantId, connectionId),
        ),
        admission: createAdmission(admission),
        resourceNames: (tenantId, connectionId, ids) => readResourceNames(database, tenantId, connectionId, ids),
        together: database.together,
        // What is not committed yet, no worker would find.
        wake: (lanes, denying) => database.afterCommit(() => wake(lanes, denying)),
        publicUrl,
        newId,
      }),
      { prefix: "/scim/v2" },
    );
    await app.register(otherVersions, { prefix: "/scim" });
  };
}
