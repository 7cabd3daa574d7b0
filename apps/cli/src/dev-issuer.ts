import type { FastifyPluginAsync } from "fastify";
import { importJWK, type JWK, SignJWT } from "jose";
import type { Credentials } from "@rollcall/core/store";

export const devAudience = "rollcall-dev";
const lifetimeSec = 3_600;

/**
 * A token issuer to try Rollcall with, for `up` on its embedded database alone. It signs for whoever
 * holds the admin token; no other tenant and no other connection names it as an issuer.
 */
export function devIssuerRoutes(issuer: string, key: JWK, credentials: Credentials): FastifyPluginAsync {
  return async (app) => {
    app.get("/dev/.well-known/openid-configuration", async () => ({ issuer, jwks_uri: `${issuer}/jwks.json` }));
    app.get("/dev/jwks.json", async () => ({
      keys: [{ kty: key.kty, n: key.n, e: key.e, kid: key.kid, alg: key.alg, use: "sig" }],
    }));
    app.get("/dev/token", async (request, reply) => {
      const [, token] = /^Bearer +([\w-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
      if (token === undefined || (await credentials.authenticate(token, "admin")) === undefined) {
        return reply.code(401).header("www-authenticate", "Bearer").send("the admin token is needed\n");
      }
      const { sub } = request.query as { sub?: string };
      if (typeof sub !== "string" || sub === "") return reply.code(400).send("say whose token: /dev/token?sub=…\n");
      const signed = await new SignJWT({})
        .setProtectedHeader({ alg: "RS256", typ: "at+jwt", kid: key.kid as string })
        .setIssuer(issuer)
        .setSubject(sub)
        .setAudience(devAudience)
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1000) + lifetimeSec)
        .sign(await importJWK(key, "RS256"));
      return reply.type("text/plain").send(signed);
    });
  };
}
