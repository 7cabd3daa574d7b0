import { DirectoryError } from "@rollcall/core/domain";
import { findEmailHolders, tenantsOfIssuer } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type Admin, type AdminDoor, adminOf, isStorable, reachableTenant } from "./admin-door.ts";
import { aboutSubject, aboutToken, answerTo, type Asking, issuerIn } from "./explain-question.ts";
import { explainLine, explainRequest, explainSpan, shown } from "./explain-refused.ts";
import { type ExplanationAnswer, explanationShape } from "./explain-shapes.ts";
import { read, text } from "./requests.ts";
import { readToken } from "./token-text.ts";

const tenant = text(64).optional();
const spanMsMax = 7 * 86_400_000;
const moment = z.iso.datetime({ offset: true }).transform((value) => new Date(value));
// A subject is taken as it comes: what is wrong with it is the question.
const sub = z.string().max(4_096).refine(isStorable);
const token = z
  .string()
  .min(1)
  .max(16 * 1_024);
const line = z
  .string()
  .min(1)
  .max(16 * 1_024)
  .refine(isStorable);
const span = z.strictObject({ from: moment, to: moment.optional(), tenant });
const explainBody = z.union(
  [
    z.strictObject({ token, tenant }),
    z.strictObject({ sub, iss: text(512).optional(), tenant }),
    z.strictObject({ email: text(320), tenant }),
    z.strictObject({ requestId: text(128), tenant }),
    z.strictObject({ line, tenant }),
    span,
  ],
  "name one of token, sub (with its iss where that is known), email, requestId, line, or from and to; and the tenant",
);

const described = {
  role: "viewer",
  summary: "Say why a token, a subject, a request or a time's requests are refused",
  body: explainBody,
  answer: explanationShape,
  asks: true,
} as const;

/** Says why somebody is refused. A token is used for the answer and for nothing else. */
export function explainRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post("/", about(described), async (request, reply): Promise<ExplanationAnswer> => {
    const admin = adminOf(request);
    const body = read(explainBody, request.body);
    reply.header("cache-control", "no-store");
    const content = "token" in body ? readToken(body.token) : undefined;
    const iss = "iss" in body ? body.iss : issuerIn(content);
    const asking = { door, admin, tenantId: await tenantFor(door, admin, body.tenant, iss) };
    if ("token" in body)
      return shown(await answerTo(asking, await aboutToken(asking, body.token, content ?? { why: "not a token" })));
    if ("sub" in body) return shown(await answerTo(asking, aboutSubject(body.sub, body.iss)));
    if ("email" in body) return explainEmail(asking, body.email);
    if ("requestId" in body) return explainRequest(asking, body.requestId);
    if ("line" in body) return explainLine(asking, body.line);
    const { from, to = new Date(door.now()) } = body;
    if (from >= to || to.getTime() - from.getTime() > spanMsMax)
      throw new DirectoryError("value_invalid", "from: must be before to, and at most seven days before it");
    return explainSpan(asking, from, to);
  });
}

/** By what the tokens of whoever has the address say; of an address that nobody has, as a subject. */
async function explainEmail(asking: Asking, email: string): Promise<ExplanationAnswer> {
  const [holder] = await findEmailHolders(asking.door.database, asking.tenantId, email);
  const question = holder?.sub === undefined ? aboutSubject(email, holder?.iss) : aboutSubject(holder.sub, holder.iss);
  return shown(await answerTo(asking, question));
}

/** A tenant's admin asks within it. An operator says which, unless the issuer says it. */
async function tenantFor(
  door: AdminDoor,
  admin: Admin,
  named: string | undefined,
  iss: string | undefined,
): Promise<string> {
  if (named !== undefined) return (await reachableTenant(door, admin, named)).id;
  if (admin.tenantId !== undefined && admin.roles.size === 1) return admin.tenantId;
  if (admin.tenantId !== undefined) throw new DirectoryError("value_invalid", "tenant: say whose subject it is");
  const [only, ...others] = iss === undefined ? [] : await tenantsOfIssuer(door.database, iss);
  if (only !== undefined && others.length === 0) return only;
  throw new DirectoryError(
    "value_invalid",
    only === undefined
      ? "tenant: say whose subject it is"
      : "tenant: several tenants name this issuer, say which is meant",
  );
}
