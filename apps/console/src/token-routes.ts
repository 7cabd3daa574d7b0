import { adminRoles } from "@rollcall/core/domain";
import {
  createUserDirectory,
  findConnection,
  issueAudited,
  listCredentials,
  type NewCredential,
  revokeCredential,
} from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, notFound, operatorOf, tenantOf } from "./admin-door.ts";
import { credentialShape, issuedToken, pageOf } from "./answer-shapes.ts";
import { RequestInvalid } from "./refusal.ts";
import { id, keysetOf, pageQueryOf, read, slug, text } from "./requests.ts";

const daysMax = 3_650;
const dayMs = 86_400_000;
const credentialId = z.string().regex(/^[0-9a-f]{16}$/, "must be a credential's id");
const expiry = {
  label: text(200).default("issued by an admin"),
  expiresInDays: z.int().min(1).max(daysMax).optional(),
};
// Of the house: an operator's, or a gateway's that follows the feed of all tenants.
const houseBody = z.strictObject({ purpose: z.enum(["admin", "feed"]), hashed: z.boolean().optional(), ...expiry });
const tenantBody = z.strictObject({
  purpose: z.enum(["scim", "feed", "ssf", "admin"]),
  receiver: slug.optional(),
  scopes: z
    .array(z.enum(["ssf.read", "ssf.manage"]))
    .min(1)
    .max(2)
    .optional(),
  connection: text(64).optional(),
  user: id.optional(),
  hashed: z.boolean().optional(),
  role: z.enum(adminRoles).optional(),
  ...expiry,
});
const issuing = { role: "admin", status: 201, answer: issuedToken } as const;
const listQuery = z.strictObject(pageQueryOf(credentialId));

/** Tokens of one tenant, and above them those of the house's operators. A token is answered once, when it is issued. */
export function tokenRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    "/tenants/:tenant/tokens",
    about({ ...issuing, summary: "Issue a token of a tenant; it is told this once", body: tenantBody }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const body = read(tenantBody, request.body);
      const speaksFor = await whomFor(door, tenant.id, body);
      const credential: NewCredential = {
        purpose: body.purpose,
        tenantId: tenant.id,
        label: body.label,
        ...speaksFor,
        ...namingFor(body),
        ...receiverFor(body),
        ...roleFor(body),
        ...endOf(door, body),
      };
      const issued = await issueAudited(door.database, door.credentials, credential, adminOf(request).credentialId);
      return reply
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...issued, purpose: body.purpose, label: body.label });
    },
  );
  app.get(
    "/tenants/:tenant/tokens",
    about({
      role: "viewer",
      summary: "List the tokens of a tenant",
      query: listQuery,
      answer: pageOf(credentialShape),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      return listCredentials(door.database, tenant.id, keysetOf(read(listQuery, request.query)));
    },
  );
  app.delete(
    "/tenants/:tenant/tokens/:id",
    about({ role: "admin", summary: "Revoke a token", status: 204 }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      await revokeCredential(door.database, tenant.id, credentialIn(request.params), adminOf(request).credentialId);
      return reply.code(204).send();
    },
  );
  houseTokens(app, door);
}

function houseTokens(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    "/tokens",
    about({ ...issuing, scope: "house", summary: "Issue a token of the house", body: houseBody }),
    async (request, reply) => {
      const admin = operatorOf(request);
      const body = read(houseBody, request.body);
      const credential: NewCredential = {
        purpose: body.purpose,
        tenantId: undefined,
        label: body.label,
        ...namingFor(body),
        ...endOf(door, body),
      };
      const issued = await issueAudited(door.database, door.credentials, credential, admin.credentialId);
      return reply
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...issued, purpose: body.purpose, label: body.label });
    },
  );
  app.get(
    "/tokens",
    about({
      role: "viewer",
      scope: "house",
      summary: "List the tokens of the house",
      query: listQuery,
      answer: pageOf(credentialShape),
    }),
    async (request) => {
      operatorOf(request);
      return listCredentials(door.database, undefined, keysetOf(read(listQuery, request.query)));
    },
  );
  app.delete(
    "/tokens/:id",
    about({ role: "admin", scope: "house", summary: "Revoke a token of the house", status: 204 }),
    async (request, reply) => {
      await revokeCredential(door.database, undefined, credentialIn(request.params), operatorOf(request).credentialId);
      return reply.code(204).send();
    },
  );
}

function endOf(
  door: AdminDoor,
  { expiresInDays }: { readonly expiresInDays?: number | undefined },
): Pick<NewCredential, "expiresAt"> {
  return expiresInDays === undefined ? {} : { expiresAt: new Date(door.now() + expiresInDays * dayMs) };
}

/** A feed's token may read subjects by their hashes alone; other tokens read no feed. */
function namingFor(body: { readonly purpose: string; readonly hashed?: boolean | undefined }): { hashed?: boolean } {
  if (body.hashed === undefined) return {};
  if (body.purpose !== "feed")
    throw new RequestInvalid([{ at: "hashed", message: "only a feed token reads subjects" }]);
  return { hashed: body.hashed };
}

/** A token of an application names it, and what it may do with its streams: everything, where nothing is said. */
function receiverFor(body: z.output<typeof tenantBody>): Pick<NewCredential, "receiver" | "scopes"> {
  if (body.purpose === "ssf") {
    if (body.receiver === undefined)
      throw new RequestInvalid([{ at: "receiver", message: "a token for ssf names the application that it is for" }]);
    return { receiver: body.receiver, scopes: body.scopes ?? ["ssf.manage"] };
  }
  const named = (["receiver", "scopes"] as const).filter((at) => body[at] !== undefined);
  if (named.length === 0) return {};
  throw new RequestInvalid(named.map((at) => ({ at, message: `a token for ${body.purpose} names no ${at}` })));
}

/** An admin's token may do everything in its tenant, unless it is to be less. */
function roleFor({ purpose, role }: z.output<typeof tenantBody>): Pick<NewCredential, "role"> {
  if (role === undefined) return {};
  if (purpose !== "admin") throw new RequestInvalid([{ at: "role", message: "only an admin token has a role" }]);
  return { role };
}

/** A SCIM token speaks for one connection, or for one of its users alone; the others for none. */
async function whomFor(
  door: AdminDoor,
  tenantId: string,
  body: z.output<typeof tenantBody>,
): Promise<Pick<NewCredential, "connectionId" | "userId">> {
  if (body.purpose !== "scim") {
    const named = (["connection", "user"] as const).filter((at) => body[at] !== undefined);
    if (named.length === 0) return {};
    throw new RequestInvalid(named.map((at) => ({ at, message: `a token for ${body.purpose} names no ${at}` })));
  }
  if (body.connection === undefined)
    throw new RequestInvalid([{ at: "connection", message: "a token for scim names its connection" }]);
  const connection = await findConnection(door.database, tenantId, body.connection);
  if (connection === undefined) throw new RequestInvalid([{ at: "connection", message: "no such connection" }]);
  if (body.user === undefined) return { connectionId: connection.id };
  const user = await createUserDirectory(door.database, door.newId).find(tenantId, connection.id, body.user);
  if (user === undefined) throw new RequestInvalid([{ at: "user", message: "no such user in this connection" }]);
  return { connectionId: connection.id, userId: user.id };
}

function credentialIn(params: unknown): string {
  const result = credentialId.safeParse((params as { readonly id: string }).id);
  if (!result.success) throw notFound();
  return result.data;
}
