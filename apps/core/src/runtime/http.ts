import { randomUUID } from "node:crypto";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyPluginAsync, LogController } from "fastify";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import type { Shutdown } from "./shutdown.ts";
import { StartError } from "./start-error.ts";

export type Health = { ready(): Promise<boolean> };

/**
 * An HTTP server with the limits that hold at every door: 1 MiB bodies, 16 KiB of headers, 60 s for
 * a request. Knows `/livez` and `/readyz`, and `/metrics` where there are any. Each request is logged by id, method, route and status;
 * never with its URL's values, headers or body.
 */
export function createServer(log: Logger, health: Health, shutdown: Shutdown, metrics?: Metrics): FastifyInstance {
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024 * 1024,
    requestTimeout: 60_000,
    http: { maxHeaderSize: 32 * 1024 },
    // The longest part of a path is a revocation's id, which spells out its issuer and its value.
    routerOptions: { maxParamLength: 8 * 1024 },
    genReqId: () => randomUUID(),
    return503OnClosing: true,
    forceCloseConnections: "idle",
    // A URL that cannot even be decoded reaches no route and no hook: one answer for all, repeating nothing of it.
    frameworkErrors: (_error, _request, reply) => {
      reply.raw.writeHead(400, { "content-type": "application/problem+json" });
      reply.raw.end(JSON.stringify({ type: "about:blank", status: 400, code: "request_malformed" }));
    },
  });
  // Every request goes through these hooks, so none of them is asynchronous.
  app.addHook("onResponse", (request, reply, done) => {
    if (metrics !== undefined) {
      const { method, routeOptions } = request;
      metrics.observeRequest(
        { method, route: routeOptions.url ?? "none", status: reply.statusCode },
        reply.elapsedTime / 1_000,
      );
    }
    if (log.isLevelEnabled("debug")) {
      const { id, method, routeOptions } = request;
      const [status, ms] = [reply.statusCode, reply.elapsedTime];
      log.debug({ request: id, method, route: routeOptions.url, status, ms }, "answered");
    }
    done();
  });
  // A long-poll that is answered while closing would leave its connection open, and the close waiting for it.
  app.addHook("onSend", (_request, reply, payload, done) => {
    if (shutdown.stopping) reply.header("connection", "close");
    done(null, payload);
  });
  app.get("/livez", async () => ({ status: "alive" }));
  app.get("/readyz", async (_request, reply) => {
    const ready = !shutdown.stopping && (await health.ready().catch(() => false));
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready" });
  });
  if (metrics !== undefined)
    app.get("/metrics", async (request, reply) => {
      if (!metrics.admits(request.headers.authorization))
        return reply.code(401).header("www-authenticate", "Bearer").send({ status: "a token is needed" });
      return reply.type(metrics.contentType).send(await metrics.scrape());
    });
  return app;
}

/** Mounts the parts, listens, and closes with the process. Returns the port that it was given. */
export async function listen(
  app: FastifyInstance,
  parts: readonly FastifyPluginAsync[],
  address: { readonly host: string; readonly port: number },
  shutdown: Shutdown,
): Promise<number> {
  const drained = trackRequests(app);
  for (const part of parts) await app.register(part);
  await app.listen(address).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "EADDRINUSE"
      ? new StartError(`port ${address.port} is taken: stop what uses it, or set another port`, { cause: error })
      : error;
  });
  shutdown.add("http", async () => {
    const closed = app.close();
    await drained();
    // What is left asks nothing: a connection that never carried a request would hold the close for a minute.
    app.server.closeAllConnections();
    await closed;
  });
  const bound = app.server.address();
  return bound === null || typeof bound === "string" ? address.port : bound.port;
}

/** Resolves, when called, once no request is under way. */
function trackRequests(app: FastifyInstance): () => Promise<void> {
  let underWay = 0;
  let whenNone: (() => void) | undefined;
  app.addHook("onRequest", (_request, reply, done) => {
    underWay += 1;
    // Of an answer that is given and of one that nobody waits for any more.
    reply.raw.once("close", () => {
      underWay -= 1;
      if (underWay === 0) whenNone?.();
    });
    done();
  });
  return () =>
    new Promise((resolve) => {
      whenNone = resolve;
      if (underWay === 0) resolve();
    });
}
