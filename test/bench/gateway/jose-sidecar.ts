/**
 * What people put beside nginx today: a bare server that verifies each token with jose and asks Redis
 * about its subject. It checks less than authz does.
 */
import { createServer } from "node:http";
import { Redis } from "ioredis";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";

const { JWKS: jwks = "", ISSUER: issuer = "", AUDIENCE: audience = "", REDIS: redisUrl = "", PORT: port } = process.env;
const keys = createLocalJWKSet(JSON.parse(jwks) as JSONWebKeySet);
const redis = new Redis(redisUrl);

async function subjectOf(authorization: string | undefined): Promise<string | undefined> {
  const token = /^Bearer (.+)$/.exec(authorization ?? "")?.[1];
  if (token === undefined) return undefined;
  const { payload } = await jwtVerify(token, keys, { issuer, audience, algorithms: ["RS256"] });
  const denied = await redis.get(`denied:${payload.iss}:${payload.sub}`);
  return denied === null ? payload.sub : undefined;
}

createServer((request, response) => {
  subjectOf(request.headers.authorization).then(
    (subject) => {
      if (subject === undefined) response.writeHead(401);
      else response.writeHead(200, { "x-auth-subject": subject });
      response.end();
    },
    () => response.writeHead(401).end(),
  );
}).listen(Number(port), "127.0.0.1");
