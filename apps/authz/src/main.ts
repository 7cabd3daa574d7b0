import { createServer, listen, runProcess } from "@rollcall/core/runtime";
import { createGuard } from "@rollcall/guard";
import { authzRoutes } from "./authz.ts";
import { parseAuthzOptions } from "./options.ts";

await runProcess("authz", ["AUTHZ_CONFIG", "AUTHZ_PORT"], async ({ config, log, shutdown }) => {
  const { guard: options, routeFrom } = parseAuthzOptions(config.AUTHZ_CONFIG);
  const guard = createGuard({
    ...options,
    onError: (error) => log.warn({ problem: error.message }, "the guard goes on with what it holds"),
  });
  shutdown.add("guard", () => guard.close());
  await guard.start();

  // A guard that is blind still answers as its owner chose, so it is ready as soon as it has started.
  const app = createServer(log, { ready: async () => true }, shutdown);
  await listen(app, [authzRoutes(guard, { routeFrom })], { host: config.HOST, port: config.AUTHZ_PORT }, shutdown);
});
