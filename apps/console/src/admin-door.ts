import { type AdminRole, DirectoryError, roleSuffices } from "@rollcall/core/domain";
import { findTenant, type Sessions, type Tenant } from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type About, requireAbout } from "./about.ts";
import type { ConsoleDeps } from "./console.ts";
import type { LoginAttempts } from "./login-attempts.ts";
import type { LoginProvider } from "./login-provider.ts";
import { mediaTypeUnsupported, refuse } from "./refusal.ts";
import { refuseForeign, sessionIn } from "./session-cookie.ts";
import type { SignatureCheck } from "./signature-check.ts";

/** The routes' surroundings. */
export type AdminDoor = ConsoleDeps & {
  readonly checkSignature: SignatureCheck;
  readonly sessions: Sessions;
  readonly attempts: LoginAttempts;
  /** Where people log in; undefined where only tokens do. */
  readonly provider: LoginProvider | undefined;
};

/** Who asks. */
export type Admin = {
  /** What the audit knows them by: the credential's id, or the person's. */
  readonly credentialId: string;
  readonly label: string;
  /** The tenant that they are bound to, the first of several; undefined for an operator of the house. */
  readonly tenantId: string | undefined;
  /** What they may do in each of their tenants, by its id. An operator may do everything in all. */
  readonly roles: ReadonlyMap<string, AdminRole>;
};

const bodyBytesMax = 64 * 1024;
const bearer = /^Bearer +([\w-]+)$/i;
// The whole header and nothing but: a parser that trims what its check did not lets bodies past.
const jsonMediaType = /^application\/json(?:; ?charset=utf-8)?$/i;
const adminDecorator = "consoleAdmin";
const tenantDecorator = "consoleTenant";

/**
 * Lets only live admins in, and none who may not do what the route is for, before any body is read
 * and whether or not the route exists.
 */
export function guardDoor(app: FastifyInstance, door: AdminDoor): void {
  requireAbout(app);
  app.decorateRequest(adminDecorator, null);
  app.decorateRequest(tenantDecorator, null);
  app.addHook("onRequest", async (request) => {
    const { about } = request.routeOptions.config;
    if (about?.scope !== "open") await admit(door, request, about);
    refuseForeignBody(request);
  });
  app.setErrorHandler(refuse);
  app.setNotFoundHandler(() => {
    throw notFound();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "*",
    { parseAs: "string", bodyLimit: bodyBytesMax },
    async (_request: FastifyRequest, body: string) => (body === "" ? undefined : parseJson(body)),
  );
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body, (name, value: unknown) => {
      if (name === "__proto__") throw new SyntaxError();
      return value;
    });
  } catch {
    // The platform's message quotes the body.
    throw new DirectoryError("syntax_invalid", "body is not JSON");
  }
}

export function adminOf(request: FastifyRequest): Admin {
  return request.getDecorator<Admin>(adminDecorator);
}

/** Throws `not_found` for whoever is bound to tenants: for them there is nothing above those. */
export function operatorOf(request: FastifyRequest): Admin {
  const admin = adminOf(request);
  if (admin.tenantId !== undefined) throw notFound();
  return admin;
}

/** The tenant that the path names, by slug or id. Another's tenant answers as one that does not exist. */
export async function tenantOf(_door: AdminDoor, request: FastifyRequest): Promise<Tenant> {
  return request.getDecorator<Tenant>(tenantDecorator);
}

/** A tenant that is named elsewhere than in the path. Whoever has any role in it may look. */
export async function reachableTenant(door: AdminDoor, admin: Admin, slugOrId: string): Promise<Tenant> {
  const tenant = isStorable(slugOrId) ? await findTenant(door.database, slugOrId) : undefined;
  if (tenant === undefined || roleIn(admin, tenant.id) === undefined) throw notFound();
  return tenant;
}

/** Undefined for a tenant that is not theirs. */
export function roleIn({ tenantId, roles }: Admin, id: string): AdminRole | undefined {
  return tenantId === undefined ? "admin" : roles.get(id);
}

/** "Not yours" and "not there" are the same words. */
export function notFound(): DirectoryError {
  return new DirectoryError("not_found", "no such resource");
}

/** Whether PostgreSQL can hold the text: NUL and half a surrogate pair it cannot. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** Notes who asks and which tenant they ask of. Throws for nobody, for a stranger to it, and for a role that does not suffice. */
async function admit(door: AdminDoor, request: FastifyRequest, about: About | undefined): Promise<void> {
  const admin = await authenticated(door, request);
  request.setDecorator<Admin>(adminDecorator, admin);
  // There is no such route.
  if (about === undefined) return;
  if (about.scope === "house" && admin.tenantId !== undefined) throw notFound();
  const { tenant: named } = request.params as { readonly tenant?: string };
  if (named === undefined) return;
  const tenant = await reachableTenant(door, admin, named);
  const role = roleIn(admin, tenant.id);
  if (!roleSuffices(role, about.role))
    throw new DirectoryError("role_insufficient", `this takes the role ${about.role}, and yours is ${role ?? "none"}`);
  request.setDecorator<Tenant>(tenantDecorator, tenant);
}

/** By a token in the header, else by the session of a browser, whose idle time ends where somebody uses it. */
export async function authenticated(door: AdminDoor, request: FastifyRequest, isUse = true): Promise<Admin> {
  const { authorization } = request.headers;
  const session = authorization === undefined ? sessionIn(request) : undefined;
  const admin = session === undefined ? await byToken(door, authorization) : await bySession(door, session, isUse);
  if (admin === undefined)
    throw new DirectoryError("unauthenticated", "a valid admin token is required, or a session of a browser");
  // A browser sends its cookie along with whatever another site makes it send.
  if (session !== undefined) refuseForeign(door.publicUrl, request);
  return admin;
}

async function byToken(door: AdminDoor, authorization: string | undefined): Promise<Admin | undefined> {
  const token = bearer.exec(authorization ?? "")?.[1];
  const known = token === undefined ? undefined : await door.credentials.authenticate(token, "admin");
  if (known === undefined) return undefined;
  const { credentialId, tenantId, label, role } = known;
  return { credentialId, label, tenantId, roles: new Map(tenantId === undefined ? [] : [[tenantId, role]]) };
}

async function bySession(door: AdminDoor, id: string, isUse: boolean): Promise<Admin | undefined> {
  const session = await door.sessions.find(id, isUse);
  if (session === undefined) return undefined;
  const roles = new Map(Object.entries(session.roles));
  const [first] = roles.keys();
  // Whoever has no tenant any more is not an operator for that.
  if (!session.operator && first === undefined) return undefined;
  const tenantId = session.operator ? undefined : first;
  return { credentialId: session.actor, label: session.label, tenantId, roles };
}

function refuseForeignBody(request: FastifyRequest): void {
  const {
    "content-type": type,
    "content-encoding": encoding,
    "content-length": length,
    "transfer-encoding": transfer,
  } = request.headers;
  if (encoding !== undefined) throw mediaTypeUnsupported();
  const hasBody = transfer !== undefined || (length !== undefined && length !== "0");
  if (type === undefined ? hasBody : !jsonMediaType.test(type)) throw mediaTypeUnsupported();
}
