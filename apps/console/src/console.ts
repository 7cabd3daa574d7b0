import type { Outward } from "@rollcall/core/runtime";
import type { Credentials, Database } from "@rollcall/core/store";
import type { FastifyPluginAsync } from "fastify";
import { type AdminDoor, guardDoor } from "./admin-door.ts";
import { connectionRoutes } from "./connection-routes.ts";
import { connectionSchemaRoutes } from "./connection-schema-routes.ts";
import { explainRoutes } from "./explain-routes.ts";
import { feedAdminRoutes } from "./feed-admin-routes.ts";
import { gatewayRoutes } from "./gateway-routes.ts";
import { createResyncs } from "./resyncs.ts";
import { parkedRoutes } from "./parked-routes.ts";
import { resyncRoutes } from "./resync-routes.ts";
import { revocationRoutes } from "./revocation-routes.ts";
import { createSignatureCheck } from "./signature-check.ts";
import { statusRoutes } from "./status-routes.ts";
import { tenantRoutes } from "./tenant-routes.ts";
import { tokenRoutes } from "./token-routes.ts";
import { subscriptionRoutes } from "./subscription-routes.ts";
import { userRoutes } from "./user-routes.ts";
import { webhookRoutes } from "./webhook-routes.ts";

export type ConsoleDeps = {
  readonly database: Database;
  readonly credentials: Credentials;
  /** Tells the workers that these lanes have work. */
  wake(lanes: readonly number[]): void;
  newId(): string;
  readonly publicUrl: string;
  /** Judges where webhooks may be sent. */
  readonly outward: Pick<Outward, "refusalOf">;
  /** How old a checkpoint may be before a gateway is blind. */
  readonly staleSecMax: number;
  now(): number;
};

/** The admin API, under `/v1/admin`, and `POST /v1/explain`. Nothing below them answers anybody without a live admin token. */
export function consoleRoutes(deps: ConsoleDeps): FastifyPluginAsync {
  const resyncs = createResyncs(deps);
  const door: AdminDoor = { ...deps, resyncs, checkSignature: createSignatureCheck() };
  return async (app) => {
    app.addHook("preClose", () => resyncs.close());
    await app.register(adminRoutes(door), { prefix: "/v1/admin" });
    await app.register(explainPart(door), { prefix: "/v1/explain" });
  };
}

function adminRoutes(door: AdminDoor): FastifyPluginAsync {
  // Fastify awaits what a plugin returns, and these registrations have nothing to wait for.
  return (app) => {
    guardDoor(app, door);
    tenantRoutes(app, door);
    connectionRoutes(app, door);
    connectionSchemaRoutes(app, door);
    tokenRoutes(app, door);
    userRoutes(app, door);
    revocationRoutes(app, door);
    feedAdminRoutes(app, door);
    gatewayRoutes(app, door);
    webhookRoutes(app, door);
    subscriptionRoutes(app, door);
    resyncRoutes(app, door);
    parkedRoutes(app, door);
    statusRoutes(app, door);
    return Promise.resolve();
  };
}

function explainPart(door: AdminDoor): FastifyPluginAsync {
  return (app) => {
    guardDoor(app, door);
    explainRoutes(app, door);
    return Promise.resolve();
  };
}
