import { DirectoryError } from "@rollcall/core/domain";
import { findTenant } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { EncryptJWT, jwtDecrypt } from "jose";
import { z } from "zod";
import { about } from "./about.ts";
import type { AdminDoor } from "./admin-door.ts";
import type { LoggedIn, LoginChecks } from "./login-provider.ts";
import { LoginRefused } from "./login-refused.ts";
import { loginPlaceDecorator } from "./login-refused-page.ts";
import { read } from "./requests.ts";
import {
  clearLogin,
  clearSession,
  loginIn,
  refuseForeign,
  refuseForeignOrigin,
  sessionIn,
  setLogin,
  setSession,
} from "./session-cookie.ts";

const loginSecMax = 600;
const tokenBody = z.strictObject({ token: z.string().min(1).max(200) });
const startQuery = z.object({ to: z.string().max(2_000).optional() });
const methods = z.object({ token: z.literal(true), oidc: z.object({ name: z.string() }).nullable() });
const begun = z.object({ endsAt: z.iso.datetime() });

/** How people get a session: by an admin token, or by the identity provider that the house has chosen. */
export function loginRoutes(app: FastifyInstance, door: AdminDoor): void {
  const { provider, attempts, publicUrl, sessions } = door;
  const key = door.credentials.keyFor("admin logins");
  app.get(
    "/login/methods",
    about({ role: "viewer", scope: "open", summary: "Say how people may log in", answer: methods }),
    async () => ({ token: true, oidc: provider === undefined ? null : { name: provider.name } }),
  );
  app.post(
    "/login/token",
    about({
      role: "viewer",
      scope: "open",
      summary: "Exchange an admin token for a session",
      body: tokenBody,
      answer: begun,
    }),
    async (request, reply) => {
      const { token } = read(tokenBody, request.body);
      // Another site could otherwise log a browser in as somebody else, who would then see what it does.
      if (request.headers.origin !== undefined) refuseForeignOrigin(publicUrl, request);
      const known = await door.credentials.authenticate(token, "admin");
      if (known === undefined) {
        attempts.fail(request.ip);
        throw new DirectoryError("login_failed", "this is no live admin token");
      }
      await endFormer(sessionIn(request));
      const { id, endsAt } = await sessions.begin({ credentialId: known.credentialId, tenantId: known.tenantId });
      setSession(reply, publicUrl, id, endsAt);
      return reply.header("cache-control", "no-store").send({ endsAt });
    },
  );
  app.post(
    "/logout",
    about({ role: "viewer", scope: "open", summary: "End the session of this browser", status: 204 }),
    async (request, reply) => {
      const session = sessionIn(request);
      if (session !== undefined) refuseForeign(publicUrl, request);
      await endFormer(session);
      clearSession(reply, publicUrl);
      return reply.code(204).send();
    },
  );
  // A session is begun anew for whoever logs in: one that was there before, whoever had put it there, is nobody's.
  const endFormer = async (former: string | undefined): Promise<void> => {
    if (former !== undefined) await sessions.end(former);
  };
  byProvider(app, door, key, endFormer);
}

function byProvider(
  app: FastifyInstance,
  door: AdminDoor,
  key: Buffer,
  endFormer: (former: string | undefined) => Promise<void>,
): void {
  const { provider, attempts, publicUrl, sessions } = door;
  const redirects = { role: "viewer", scope: "open", status: 302, visited: true } as const;
  app.decorateRequest(loginPlaceDecorator, null);
  app.get(
    "/login/start",
    about({ ...redirects, summary: "Send a browser to the identity provider", query: startQuery }),
    async (request, reply) => {
      if (provider === undefined) throw noProvider();
      const to = placeWithin(publicUrl, read(startQuery, request.query).to);
      request.setDecorator(loginPlaceDecorator, to);
      const { url, checks } = await provider.begin();
      setLogin(reply, publicUrl, await seal(key, { ...checks, to }), loginSecMax);
      return reply.header("cache-control", "no-store").redirect(url.href, 302);
    },
  );
  app.get(
    "/login/callback",
    about({ ...redirects, summary: "Take a browser back from the identity provider" }),
    async (request, reply) => {
      if (provider === undefined) throw noProvider();
      const sealed = loginIn(request);
      // Whatever comes of it, it came of this login: it is used once.
      clearLogin(reply, publicUrl);
      const login = sealed === undefined ? undefined : await open(key, sealed);
      request.setDecorator(loginPlaceDecorator, login?.to ?? "/");
      if (login === undefined) throw notBegun();
      const person = await provider.finish(request.url.split("?", 2)[1] ?? "", login).catch((error: unknown) => {
        attempts.fail(request.ip);
        throw error;
      });
      const roles = await rolesOf(door, person);
      if (!person.operator && Object.keys(roles).length === 0) throw withoutRole();
      await endFormer(sessionIn(request));
      const { issuer, subject, name, operator } = person;
      const { id, endsAt } = await sessions.begin({ person: { issuer, subject, name }, operator, roles });
      setSession(reply, publicUrl, id, endsAt);
      return reply.header("cache-control", "no-store").redirect(login.to, 302);
    },
  );
}

type Login = LoginChecks & { readonly to: string };

async function seal(key: Buffer, login: Login): Promise<string> {
  return new EncryptJWT({ ...login })
    .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
    .setExpirationTime(`${loginSecMax}s`)
    .encrypt(key);
}

/** Undefined for what was not sealed here, or too long ago. */
async function open(key: Buffer, sealed: string): Promise<Login | undefined> {
  try {
    const { payload } = await jwtDecrypt<Login>(sealed, key, {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
    });
    return payload;
  } catch {
    return undefined;
  }
}

/** A path of our own and nothing else: what a browser reads as another host leads to the beginning. */
function placeWithin(publicUrl: string, to: string | undefined): string {
  if (to === undefined || !to.startsWith("/") || !URL.canParse(to, publicUrl)) return "/";
  const { origin, pathname, search, hash } = new URL(to, publicUrl);
  const place = `${pathname}${search}${hash}`;
  return origin === new URL(publicUrl).origin && !place.startsWith("//") ? place : "/";
}

/** By the tenants' ids; a tenant that there is not gives nothing. */
async function rolesOf(door: AdminDoor, { roles }: LoggedIn) {
  const found = await Promise.all(
    Object.entries(roles).map(async ([slug, role]) => {
      const tenant = await findTenant(door.database, slug);
      return tenant === undefined ? [] : [[tenant.id, role] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

function noProvider(): LoginRefused {
  const happened = "there is no identity provider to log in at";
  return new LoginRefused("not_found", happened, "exchange an admin token");
}

function notBegun(): LoginRefused {
  const happened = "this browser has begun no login, or began it more than ten minutes ago";
  return new LoginRefused("login_failed", happened, "begin it again, in this browser");
}

function withoutRole(): LoginRefused {
  const happened = "the identity provider knows you, but nothing here is yours";
  return new LoginRefused("login_failed", happened, "ask whoever runs Rollcall for a role, then log in again");
}
