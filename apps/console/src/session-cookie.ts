import { DirectoryError } from "@rollcall/core/domain";
import type { FastifyReply, FastifyRequest } from "fastify";

const sessionCookie = "rollcall_session";
const loginCookie = "rollcall_login";
const loginPath = "/v1/admin/login";
const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/** The session that a browser says it has. */
export function sessionIn(request: FastifyRequest): string | undefined {
  return request.cookies[sessionCookie];
}

/** Gives a browser its session. No script reads it, and no other site's form brings it (RFC 6265bis §5.6.7). */
export function setSession(reply: FastifyReply, publicUrl: string, id: string, endsAt: Date): void {
  reply.setCookie(sessionCookie, id, { ...commonOptions(publicUrl), path: "/", expires: endsAt });
}

export function clearSession(reply: FastifyReply, publicUrl: string): void {
  reply.clearCookie(sessionCookie, { ...commonOptions(publicUrl), path: "/" });
}

/** What a login that is under way remembers in the browser that began it, sealed. */
export function loginIn(request: FastifyRequest): string | undefined {
  return request.cookies[loginCookie];
}

export function setLogin(reply: FastifyReply, publicUrl: string, sealed: string, maxAge: number): void {
  reply.setCookie(loginCookie, sealed, { ...commonOptions(publicUrl), path: loginPath, maxAge });
}

export function clearLogin(reply: FastifyReply, publicUrl: string): void {
  reply.clearCookie(loginCookie, { ...commonOptions(publicUrl), path: loginPath });
}

/**
 * Throws where a change was not asked for by a page of our own: a form of another site sends the cookie
 * at most, but neither this header nor our origin.
 */
export function refuseForeign(publicUrl: string, request: FastifyRequest): void {
  if (safeMethods.has(request.method)) return;
  if (request.headers["x-rollcall-request"] !== "1")
    throw new DirectoryError("request_foreign", "a change by a session takes the header X-Rollcall-Request: 1");
  refuseForeignOrigin(publicUrl, request);
}

/** Throws where the browser says that another site asks, or does not say who does. */
export function refuseForeignOrigin(publicUrl: string, request: FastifyRequest): void {
  const { origin, host, "sec-fetch-site": site } = request.headers;
  const isOwn =
    origin !== undefined &&
    URL.canParse(origin) &&
    // A page of ours is where this was asked, or at the public address where a proxy asks for it under another name.
    (new URL(origin).host === host || origin === new URL(publicUrl).origin);
  if (!isOwn || (site !== undefined && site !== "same-origin"))
    throw new DirectoryError("request_foreign", "a change by a session is asked for by Rollcall's own pages alone");
}

function commonOptions(publicUrl: string) {
  return { httpOnly: true, sameSite: "lax", secure: publicUrl.startsWith("https:") } as const;
}
