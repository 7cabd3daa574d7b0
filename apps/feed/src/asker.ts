import type { FastifyReply } from "fastify";

// Every answer ends here too, and a reason made for each would be an error with its stack, thousands a second.
const closed = "whoever asked is gone";

/** Aborts when whoever asked is gone, or has been answered. */
export function signalOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort(closed));
  return gone.signal;
}
