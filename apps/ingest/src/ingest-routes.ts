import type { FastifyPluginAsync } from "fastify";
import type { Outward } from "@rollcall/core/runtime";
import {
  type Credentials,
  createDirectoryLists,
  createGroupDirectory,
  createUserDirectory,
  type Database,
  readConnectionSchemas,
  readResourceNames,
  sourceSecretPurpose,
} from "@rollcall/core/store";
import { createEventIntake } from "./hooks/event-intake.ts";
import { hookRoutes } from "./hooks/hook-routes.ts";
import { createIssuerKeys } from "./hooks/issuer-keys.ts";
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
  /** Asks for the keys of those who sign what they send. */
  readonly outward: Outward;
  readonly newId: () => string;
  readonly now?: () => number;
  /** How much each connection may ask for, and who counts it. */
  readonly admission: AdmissionOptions;
};

/**
 * The doors of identity providers: SCIM under `/scim/v2`, where the bearer token names the connection,
 * and so the tenant; and `/hooks`, where the address does.
 */
export function ingestRoutes({
  database,
  credentials,
  wake,
  publicUrl,
  outward,
  newId,
  now = Date.now,
  admission,
}: IngestDependencies): FastifyPluginAsync {
  const budget = createAdmission(admission);
  const schemasOf = createConnectionSchemas((tenantId, connectionId) =>
    readConnectionSchemas(database, tenantId, connectionId),
  );
  const hooks = hookRoutes({
    database,
    secretKey: credentials.keyFor(sourceSecretPurpose),
    admission: budget,
    intake: createEventIntake({ database, schemasOf, wake, newId }),
    tools: { keys: createIssuerKeys({ outward, now }), publicUrl },
    newId,
    now,
  });
  return async (app) => {
    await app.register(hooks, { prefix: "/hooks" });
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
        schemasOf,
        admission: budget,
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
