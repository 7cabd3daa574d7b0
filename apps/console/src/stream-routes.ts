import { DirectoryError } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, authenticated, roleIn, tenantOf } from "./admin-door.ts";
import { createChangeWatch } from "./change-watch.ts";

const commentMs = 15_000;
const streamsMax = 1_000;

/** Server-sent events that say what a page about a tenant should ask for again. */
export function streamRoutes(app: FastifyInstance, door: AdminDoor): void {
  const watch = createChangeWatch(door.database);
  const open = new Set<FastifyReply>();
  app.addHook("preClose", async () => {
    watch.close();
    for (const reply of open) reply.raw.end();
  });
  app.get(
    "/tenants/:tenant/stream",
    about({
      role: "viewer",
      summary: "Follow what changes in a tenant, as server-sent events that name topics",
      mediaType: "text/event-stream",
      answer: z.string(),
    }),
    async (request, reply): Promise<FastifyReply> => {
      const tenant = await tenantOf(door, request);
      if (open.size >= streamsMax) throw new DirectoryError("unavailable", "too many follow already: ask now and then");
      // Whoever left while it was found out who they are has said so before anybody listened.
      if (reply.raw.destroyed) return reply.hijack();
      begin(reply);
      const stop = watch.watch(tenant.id, (topics) => {
        reply.raw.write(`event: changed\ndata: ${JSON.stringify({ topics })}\n\n`);
      });
      const comment = setInterval(() => {
        void stillMay(door, request, tenant.id).then((may) =>
          may ? reply.raw.write(": still here\n\n") : reply.raw.end(),
        );
      }, commentMs);
      open.add(reply);
      reply.raw.once("close", () => {
        clearInterval(comment);
        stop();
        open.delete(reply);
      });
      return reply;
    },
  );
}

function begin(reply: FastifyReply): void {
  reply.hijack();
  // The end of whoever reads nothing waits, and what changes meanwhile is written behind it: an error that nobody
  // listens to would end the process.
  reply.raw.on("error", () => undefined);
  reply.raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // nginx would keep what is written until there is more of it.
    "x-accel-buffering": "no",
  });
  reply.raw.write(": hello\n\n");
}

/** Whoever is logged out, or revoked, is told no more. What cannot be asked just now is asked again. */
async function stillMay(door: AdminDoor, request: FastifyRequest, tenantId: string): Promise<boolean> {
  try {
    return roleIn(await authenticated(door, request, false), tenantId) !== undefined;
  } catch (error) {
    return !(error instanceof DirectoryError && error.code === "unauthenticated");
  }
}
