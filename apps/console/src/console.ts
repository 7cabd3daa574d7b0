import type { Outward } from "@rollcall/core/runtime";
import { createSessions, type Credentials, type Database, sessionPurpose } from "@rollcall/core/store";
import cookies from "@fastify/cookie";
import type { FastifyPluginAsync } from "fastify";
import { type AdminDoor, guardDoor } from "./admin-door.ts";
import { alertRoutes } from "./alert-routes.ts";
import { auditRoutes } from "./audit-routes.ts";
import { canaryRoutes } from "./canary-routes.ts";
import { connectionRoutes } from "./connection-routes.ts";
import { connectionSchemaRoutes } from "./connection-schema-routes.ts";
import { connectionStateRoutes } from "./connection-state-routes.ts";
import { connectionTestRoutes } from "./connection-test-routes.ts";
import { deadLetterRoutes } from "./dead-letter-routes.ts";
import { driftRoutes } from "./drift-routes.ts";
import { eventRoutes } from "./event-routes.ts";
import { explainRoutes } from "./explain-routes.ts";
import { feedAdminRoutes } from "./feed-admin-routes.ts";
import { gatewayRoutes } from "./gateway-routes.ts";
import { groupRoutes } from "./group-routes.ts";
import { createLoginAttempts } from "./login-attempts.ts";
import { createLoginProvider, type LoginSettings } from "./login-provider.ts";
import { loginRoutes } from "./login-routes.ts";
import { meRoutes } from "./me-routes.ts";
import type { DescribedRoute } from "./openapi.ts";
import { noteRoutes, openapiRoutes } from "./openapi-routes.ts";
import { overviewRoutes } from "./overview-routes.ts";
import { parkedRoutes } from "./parked-routes.ts";
import { providerRoutes } from "./provider-routes.ts";
import { pullRoutes } from "./pull-routes.ts";
import { refusalRoutes } from "./refusal-routes.ts";
import { resyncRoutes } from "./resync-routes.ts";
import { revocationRoutes } from "./revocation-routes.ts";
import { createFetchSmall } from "./fetch-small.ts";
import { createSignatureCheck } from "./signature-check.ts";
import { sourceRoutes } from "./source-routes.ts";
import { streamRoutes } from "./stream-routes.ts";
import { statusRoutes } from "./status-routes.ts";
import { tenantRoutes } from "./tenant-routes.ts";
import { tokenRoutes } from "./token-routes.ts";
import { subscriptionRoutes } from "./subscription-routes.ts";
import { userLinkRoutes } from "./user-link-routes.ts";
import { userRoutes } from "./user-routes.ts";
import { webhookRoutes } from "./webhook-routes.ts";

export { type LoginSettings } from "./login-provider.ts";
export { loginSettingNames, loginSettingsOf } from "./login-settings.ts";
export { startPages } from "./pages.ts";

export type ConsoleDeps = {
  readonly database: Database;
  readonly credentials: Credentials;
  /** Tells the workers that these lanes have work. */
  wake(lanes: readonly number[]): void;
  newId(): string;
  readonly publicUrl: string;
  /** Judges where webhooks may be sent. */
  readonly outward: Pick<Outward, "refusalOf">;
  /** Judges where identity providers may be asked. */
  readonly asking: Pick<Outward, "refusalOf" | "ask">;
  /** How old a checkpoint may be before a gateway is blind. */
  readonly staleSecMax: number;
  /** Where people log in; without it they exchange a token. */
  readonly login?: LoginSettings | undefined;
  now(): number;
};

/** The admin API, under `/v1/admin`, and `POST /v1/explain`. Nothing below them answers anybody without a live admin token. */
export function consoleRoutes(deps: ConsoleDeps): FastifyPluginAsync {
  const { database, credentials, login, publicUrl, now, newId } = deps;
  const door: AdminDoor = {
    ...deps,
    checkSignature: createSignatureCheck(createFetchSmall(deps.asking)),
    sessions: createSessions(database, credentials.keyFor(sessionPurpose), now, newId),
    attempts: createLoginAttempts(now),
    provider: login && createLoginProvider(login, `${publicUrl}/v1/admin/login/callback`),
  };
  return async (app) => {
    const described: DescribedRoute[] = [];
    noteRoutes(app, described);
    await app.register(cookies);
    await app.register(adminRoutes(door, described), { prefix: "/v1/admin" });
    await app.register(explainPart(door), { prefix: "/v1/explain" });
  };
}

function adminRoutes(door: AdminDoor, described: readonly DescribedRoute[]): FastifyPluginAsync {
  // Fastify awaits what a plugin returns, and these registrations have nothing to wait for.
  return (app) => {
    guardDoor(app, door);
    openapiRoutes(app, described);
    loginRoutes(app, door);
    meRoutes(app, door);
    tenantRoutes(app, door);
    connectionRoutes(app, door);
    connectionStateRoutes(app, door);
    connectionTestRoutes(app, door);
    connectionSchemaRoutes(app, door);
    tokenRoutes(app, door);
    userRoutes(app, door);
    userLinkRoutes(app, door);
    groupRoutes(app, door);
    eventRoutes(app, door);
    auditRoutes(app, door);
    streamRoutes(app, door);
    revocationRoutes(app, door);
    feedAdminRoutes(app, door);
    gatewayRoutes(app, door);
    refusalRoutes(app, door);
    webhookRoutes(app, door);
    sourceRoutes(app, door);
    providerRoutes(app, door);
    pullRoutes(app, door);
    canaryRoutes(app, door);
    subscriptionRoutes(app, door);
    resyncRoutes(app, door);
    driftRoutes(app, door);
    parkedRoutes(app, door);
    deadLetterRoutes(app, door);
    statusRoutes(app, door);
    alertRoutes(app, door);
    overviewRoutes(app, door);
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
