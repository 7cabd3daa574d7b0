import { DirectoryError } from "@rollcall/core/domain";
import { findTenant, type Tenant } from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ConsoleDeps } from "./console.ts";
import { mediaTypeUnsupported, refuse } from "./refusal.ts";
import type { Resyncs } from "./resyncs.ts";
import type { SignatureCheck } from "./signature-check.ts";

/** The routes' surroundings. */
export type AdminDoor = ConsoleDeps & { readonly resyncs: Resyncs; readonly checkSignature: SignatureCheck };

/** Who asks: an operator of the house has no tenant. */
export type Admin = { readonly credentialId: string; readonly tenantId: string | undefined };

const bodyBytesMax = 64 * 1024;
const bearer = /^Bearer +([\w-]+)$/i;
// The whole header and nothing but: a parser that trims what its check did not lets bodies past.
const jsonMediaType = /^application\/json(?:; ?charset=utf-8)?$/i;
const adminDecorator = "consoleAdmin";

/** Lets only live admin tokens in, before any body is read and whether or not the route exists. */
export function guardDoor(app: FastifyInstance, door: AdminDoor): void {
  app.decorateRequest(adminDecorator, null);
  app.addHook("onRequest", async (request) => {
    request.setDecorator<Admin>(adminDecorator, await authenticated(door, request));
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

/** Throws `not_found` for whoever is bound to one tenant: for them there is nothing above it. */
export function operatorOf(request: FastifyRequest): Admin {
  const admin = adminOf(request);
  if (admin.tenantId !== undefined) throw notFound();
  return admin;
}

/** The tenant that the path names, by slug or id. Another's tenant answers as one that does not exist. */
export async function tenantOf(door: AdminDoor, request: FastifyRequest): Promise<Tenant> {
  const { tenant } = request.params as { readonly tenant: string };
  return reachableTenant(door, adminOf(request), tenant);
}

export async function reachableTenant(door: AdminDoor, admin: Admin, slugOrId: string): Promise<Tenant> {
  const tenant = isStorable(slugOrId) ? await findTenant(door.database, slugOrId) : undefined;
  if (tenant === undefined || (admin.tenantId !== undefined && admin.tenantId !== tenant.id)) throw notFound();
  return tenant;
}

/** "Not yours" and "not there" are the same words. */
export function notFound(): DirectoryError {
  return new DirectoryError("not_found", "no such resource");
}

/** Whether PostgreSQL can hold the text: NUL and half a surrogate pair it cannot. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

async function authenticated(door: AdminDoor, request: FastifyRequest): Promise<Admin> {
  const token = bearer.exec(request.headers.authorization ?? "")?.[1];
  const known = token === undefined ? undefined : await door.credentials.authenticate(token, "admin");
  if (known === undefined) throw new DirectoryError("unauthenticated", "a valid admin token is required");
  return { credentialId: known.credentialId, tenantId: known.tenantId };
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
