import { createLog, createServer, createShutdown, exitOnSignal, listen, readConfig } from "@rollcall/core/runtime";
import { createGuard } from "@rollcall/guard";
import { authzRoutes } from "./authz.ts";
import { parseAuthzOptions } from "./options.ts";

const config = readConfig(["AUTHZ_CONFIG", "AUTHZ_PORT", "HOST", "LOG_LEVEL", "SHUTDOWN_SEC_MAX"]);
const log = createLog("authz", config.LOG_LEVEL);
const shutdown = createShutdown(log, config.SHUTDOWN_SEC_MAX * 1_000);
exitOnSignal(shutdown, log);

const { guard: options, routeFrom } = parseAuthzOptions(config.AUTHZ_CONFIG);
const guard = createGuard({ ...options, onError: (error) => log.warn({ problem: error.message }, "the guard goes on with what it holds") });
shutdown.add("guard", () => guard.close());
await guard.start();

// A guard that is blind still answers as its owner chose, so it is ready as soon as it has started.
const app = createServer(log, { ready: async () => true }, shutdown);
const port = await listen(app, [authzRoutes(guard, { routeFrom })], { host: config.HOST, port: config.AUTHZ_PORT }, shutdown);
log.info({ host: config.HOST, port, fresh: guard.status().fresh }, "authz answers");
