import { createServer, request as httpRequest, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createLog, createServer as createFastify, createShutdown } from "@rollcall/core/runtime";
import type { Guard } from "@rollcall/guard";
import { bearerOf as bearerOfExpress, protect as protectExpress } from "@rollcall/guard/express";
import { bearerOf as bearerOfFastify, protect as protectFastify } from "@rollcall/guard/fastify";
import { bearerOf as bearerOfHono, protect as protectHono } from "@rollcall/guard/hono";
import { protect as protectHttp } from "@rollcall/guard/http";
import express from "express";
import { Hono } from "hono";
import { onTestFinished } from "vitest";
import type { OnEnd } from "./gateway-process.ts";

export type AdapterAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
};
export type Ask = (path: string, headers?: Record<string, string | string[]>) => Promise<AdapterAnswer>;
/** An application of one framework that says who its caller is; what it answers to whom does not pass is the adapter's. */
export type Application = (guard: Guard, onEnd?: OnEnd) => Promise<Ask>;
const overHttp =
  (listener: (guard: Guard) => RequestListener): Application =>
  async (guard, onEnd = onTestFinished) => {
    const server = createServer(listener(guard));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onEnd(() => {
      server.close();
      server.closeAllConnections();
    });
    return (path, headers = {}) =>
      exchange(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, headers);
  };

/** The guard's adapters, each in an application of its framework. */
export const applications: Readonly<Record<string, Application>> = {
  "node:http": overHttp((guard) => protectHttp(guard, (_request, response, bearer) => void response.end(bearer.sub))),
  Express: overHttp((guard) => {
    const app = express().disable("x-powered-by").disable("etag");
    app.use(protectExpress(guard));
    app.get("/{*path}", (request, response) => void response.send(bearerOfExpress(request).sub));
    return app as RequestListener;
  }),
  Fastify: async (guard, onEnd = onTestFinished) => {
    const log = createLog("adapters", "silent");
    const app = createFastify(log, { ready: async () => true }, createShutdown(log, 1_000));
    app.addHook("onRequest", protectFastify(guard));
    app.get("/*", async (request) => bearerOfFastify(request).sub);
    app.get("/menu", async (request) => bearerOfFastify(request).sub);
    const origin = await app.listen({ host: "127.0.0.1", port: 0 });
    onEnd(() => app.close());
    return (path, headers = {}) => exchange(`${origin}${path}`, headers);
  },
  Hono: async (guard) => {
    const app = new Hono();
    app.use(protectHono(guard));
    app.get("/*", (context) => context.text(bearerOfHono(context).sub));
    return async (path, headers = {}) => {
      const pairs = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
      const answer = await app.request(path, { headers: pairs as [string, string][] });
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
    };
  },
};

function exchange(url: string, headers: Record<string, string | string[]>): Promise<AdapterAnswer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { headers }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}
