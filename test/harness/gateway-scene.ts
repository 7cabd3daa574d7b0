import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { authzRoutes, createAuthzGrpc, identityHeaders, listenGrpc } from "@rollcall/authz";
import { createLog, createServer, createShutdown } from "@rollcall/core/runtime";
import { createGuard, type StaleChoice } from "@rollcall/guard";
import { onTestFinished } from "vitest";
import { createClock } from "../../apps/guard/src/testing/clock.ts";
import { createFeedServer } from "../../apps/guard/src/testing/feed-server.ts";
import { listen, readText } from "../../apps/guard/src/testing/http-server.ts";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";

export type Headers = Readonly<Record<string, string | readonly string[]>>;
/** What the application saw of a request that reached it. */
export type Seen = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values by turns, where nothing that was sent twice is hidden. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
};
export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Of an answer by the application. */
  readonly seen: Seen | undefined;
};

/** What a client says that it must not: each of our headers, also in the spellings that CGI, WSGI, PHP and their like take for the same. */
export const forged: Readonly<Record<string, string>> = Object.fromEntries(
  identityHeaders.flatMap((name) => [
    [name, "root"],
    [name.replaceAll("-", "_"), "root"],
    [name.replace("-", "_"), "root"],
    [name.replaceAll("-", "."), "root"],
    [name.replace(/-(?!.*-)/, "."), "root"],
  ]),
);

/** An issuer, a feed, authz at both its doors with one guard, and an application that says what it saw. A gateway goes in front. */
export async function createGatewayScene({ routeFrom }: { readonly routeFrom?: string } = {}) {
  const clock = createClock();
  const [issuer, feed] = await Promise.all([createIssuer(clock, "RS256"), createFeedServer(clock)]);
  const guard = createGuard({
    // Its tokens name no tenant, so a client that names one must not be heard.
    issuers: [{ issuer: issuer.origin, audience: "api" }],
    feed: { url: feed.url, token: feed.token, gateway: "edge-1" },
    stale: (route): StaleChoice => (route === "/menu" ? "allow" : "deny"),
    unknown: "allow",
    now: clock.now,
  });
  await guard.start();
  const log = createLog("authz", "silent");
  const app = createServer(log, { ready: async () => true }, createShutdown(log, 1_000));
  const asked: Pick<Seen, "url" | "headers">[] = [];
  app.addHook("onRequest", async ({ url, headers }) => void asked.push({ url, headers }));
  await app.register(authzRoutes(guard, { routeFrom }));
  const authz = await app.listen({ host: "127.0.0.1", port: 0 });
  const grpc = createAuthzGrpc(guard, { routeFrom, log });
  const grpcPort = await listenGrpc(grpc, { host: "127.0.0.1", port: 0 });
  let served = 0;
  const api = await listen((request, response) => {
    served += 1;
    const { method, url, headers, rawHeaders } = request;
    void readText(request).then((body) =>
      response
        .writeHead(200, { "content-type": "application/json", "x-from": "api" })
        .end(JSON.stringify({ method, url, headers, rawHeaders, body })),
    );
  });
  const stopAuthz = async (): Promise<void> => {
    grpc.forceShutdown();
    await app.close();
  };
  onTestFinished(async () => {
    await Promise.all([guard.close(), stopAuthz(), issuer.close(), feed.close(), api.close()]);
  });
  const bearer = async (claims: Record<string, unknown> = {}) => ({
    authorization: `Bearer ${await issuer.mint({ sub: "ada", ...claims })}`,
  });
  return {
    clock,
    issuer,
    feed,
    authz,
    grpc: `127.0.0.1:${grpcPort}`,
    api: api.origin,
    stopAuthz,
    bearer,
    /** The questions that authz got. */
    asked,
    /** How many requests reached the application. */
    served: () => served,
    goBlind: () => {
      feed.told.tamper = () => ({ status: 500 });
      clock.advanceSec(31);
    },
  };
}

export type GatewayScene = Awaited<ReturnType<typeof createGatewayScene>>;

/** Sends a request as it is written here; nothing is followed, joined or tidied up. */
export function send(
  origin: string,
  path: string,
  headers: Headers = {},
  { method = "GET", body }: { readonly method?: string; readonly body?: string } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { hostname, port, path, method, headers: headers as Record<string, string | string[]> },
      (response) => {
        const chunks: Uint8Array[] = [];
        response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const isFromApi = response.headers["x-from"] === "api" && text !== "";
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text,
            seen: isFromApi ? (JSON.parse(text) as Seen) : undefined,
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}
