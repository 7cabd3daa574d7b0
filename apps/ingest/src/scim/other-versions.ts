import type { FastifyPluginAsync } from "fastify";
import { scimErrorBody } from "./scim-error.ts";
import { answer } from "./scim-door.ts";

/**
 * Whatever is below `/scim` and not in `/scim/v2` (RFC 7644 §3.13): a version that is named must be
 * served or refused, and this one is all there is. Nothing is read, so nobody is asked for a token.
 */
export const otherVersions: FastifyPluginAsync = async (app) => {
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.slice(app.prefix.length);
    return /^\/v\d+(?:\.\d+)*(?:[/?]|$)/i.test(path)
      ? answer(reply, 400, scimErrorBody(400, "only SCIM 2.0 is served, below /scim/v2", "invalidVers"))
      : answer(reply, 404, scimErrorBody(404, "SCIM 2.0 is served below /scim/v2"));
  });
};
