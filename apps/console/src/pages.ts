import staticFiles from "@fastify/static";
import type { FastifyPluginAsync, FastifyReply } from "fastify";
import { ensurePages } from "./built-pages.ts";
import { pageHeaders } from "./page-headers.ts";

export type PagesOptions = {
  /** Where identity providers reach ingest. */
  readonly ingestUrl: string;
  /** The pages could not be built; whoever asks for them is told, and all else goes on. */
  onError(error: unknown): void;
};

/** Everything from ourselves and nothing inline, so that a text that an identity provider sent can never run. */
const headers = pageHeaders([
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
]);

const missing =
  "The console's pages are not built here. Run `npm ci` in the checkout, then start again; the admin API under /v1/admin answers all the same.\n";

/** The console's pages, under `/console/`, built first where they are not. They know nothing: all that they show they ask the admin API for. */
export async function startPages({ ingestUrl, onError }: PagesOptions): Promise<FastifyPluginAsync> {
  const directory = await ensurePages().catch((error: unknown) => {
    onError(error);
    return undefined;
  });
  return async (app) => {
    app.addHook("onRequest", (_request, reply, done) => {
      reply.headers(headers);
      done();
    });
    app.get("/", (_request, reply) => reply.redirect("/console/"));
    app.get("/console", (_request, reply) => reply.redirect("/console/"));
    app.get("/console/settings.json", (_request, reply) =>
      reply.header("cache-control", "no-cache").send({ scimUrl: `${ingestUrl}/scim/v2` }),
    );
    if (directory === undefined)
      app.get("/console/*", (_request, reply) => reply.code(503).type("text/plain; charset=utf-8").send(missing));
    else await app.register(pageFiles(directory));
  };
}

function pageFiles(directory: string): FastifyPluginAsync {
  return async (app) => {
    await app.register(staticFiles, { root: directory, serve: false, preCompressed: true, dotfiles: "ignore" });
    // Named after their content, so they never change.
    app.get("/console/assets/:file", (request, reply): FastifyReply => {
      const { file } = request.params as { readonly file: string };
      return reply.sendFile(`assets/${file}`, { maxAge: "365d", immutable: true });
    });
    // Every other path is a place within the pages. Asked for anew each time, for it names the present assets.
    app.get("/console/*", (_request, reply): FastifyReply =>
      reply.header("cache-control", "no-cache").sendFile("index.html", { cacheControl: false }),
    );
  };
}
