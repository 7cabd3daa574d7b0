import { DirectoryError, type SignatureVerdict } from "@rollcall/core/domain";
import { findConnection, readArrivals } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, notFound, tenantOf } from "./admin-door.ts";
import { connectionChecks, type IssuerKeys } from "./connection-checks.ts";
import { connectionIn } from "./connection-routes.ts";
import { read } from "./requests.ts";

const noBody = z.strictObject({});
const checks = z.object({
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string(), fix: z.string().optional() })),
});

// A token that nobody has signed: what is said of it tells whether keys were there to try it with.
const unsigned = [{ alg: "RS256", kid: "rollcall-asks" }, {}]
  .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
  .join(".");

/** Looks at what a connection's set-up has come to, and says what is next. */
export function connectionTestRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    "/tenants/:tenant/connections/:connection/test",
    about({
      role: "operator",
      summary: "Check what has arrived by a connection, and whether its issuers' keys can be fetched",
      body: noBody,
      answer: checks,
      asks: true,
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      read(noBody, request.body);
      const connection = await findConnection(door.database, tenant.id, connectionIn(request));
      if (connection === undefined) throw notFound();
      const [arrivals, keys] = await Promise.all([
        readArrivals(door.database, tenant.id, connection),
        Promise.all(connection.issuers.map((issuer) => keysOf(door, issuer))),
      ]);
      return { checks: connectionChecks(connection, arrivals, keys) };
    },
  );
}

async function keysOf(door: AdminDoor, issuer: string): Promise<IssuerKeys> {
  try {
    return { issuer, trouble: troubleIn(await door.checkSignature(`${unsigned}.AAAA`, issuer)) };
  } catch (error) {
    if (error instanceof DirectoryError) return { issuer, trouble: error.message };
    throw error;
  }
}

function troubleIn(verdict: SignatureVerdict): string | undefined {
  return verdict.kind === "keys_unavailable" ? verdict.why : undefined;
}
