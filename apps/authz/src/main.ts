import { ConfigError, createServer, listen, runProcess } from "@rollcall/core/runtime";
import { createGuard, GuardConfigError, renderMetrics } from "@rollcall/guard";
import { createAuthzGrpc, listenGrpc } from "./authz-grpc.ts";
import { authzRoutes } from "./authz.ts";
import { type AuthzOptions, parseAuthzOptions } from "./options.ts";

const settings = ["AUTHZ_CONFIG", "AUTHZ_PORT", "AUTHZ_GRPC_PORT"] as const;

await runProcess("authz", settings, async ({ config, log, shutdown, metrics }) => {
  const { guard: options, routeFrom } = readOptions(config.AUTHZ_CONFIG);
  const guard = createGuard({
    ...options,
    onError: (error) => log.warn({ problem: error.message }, "the guard goes on with what it holds"),
  });
  shutdown.add("guard", () => guard.close());
  await guard.start();
  metrics?.also(() => renderMetrics(guard.metrics()));

  const host = config.HOST;
  if (config.AUTHZ_GRPC_PORT !== undefined) {
    const server = createAuthzGrpc(guard, { routeFrom, log });
    await listenGrpc(server, { host, port: config.AUTHZ_GRPC_PORT });
    shutdown.add("grpc", () => new Promise<void>((resolve) => server.tryShutdown(() => resolve())));
  }
  // A guard that is blind still answers as its owner chose, so it is ready as soon as it has started.
  const app = createServer(log, { ready: async () => true }, shutdown, metrics);
  await listen(app, [authzRoutes(guard, { routeFrom })], { host, port: config.AUTHZ_PORT }, shutdown);
});

/** Problems of the options are problems of the setting that holds them. */
function readOptions(text: string): AuthzOptions {
  try {
    return parseAuthzOptions(text);
  } catch (error) {
    if (!(error instanceof GuardConfigError)) throw error;
    throw new ConfigError(error.problems.map((problem) => `AUTHZ_CONFIG ${problem}`));
  }
}
