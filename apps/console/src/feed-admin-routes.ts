import { houseFeedId, houseFeedName, raiseEpoch, readFeedState, showSubjectKey } from "@rollcall/core/store";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, operatorOf, tenantOf } from "./admin-door.ts";
import { moment } from "./answer-shapes.ts";
import { read } from "./requests.ts";

const noBody = z.strictObject({});

const state = z.object({
  name: z.string(),
  epoch: z.int(),
  seq: z.int(),
  floorSeq: z.int(),
  entries: z.int(),
  asOf: moment,
  subjects: z.object({ epoch: z.int(), seq: z.int(), entries: z.int(), filled: z.boolean() }).optional(),
});
const raised = z.object({ epoch: z.int(), seq: z.int() });
const subjectKey = z.object({ name: z.string(), subjectKey: z.string() });

type Feed = { readonly id: string; readonly name: string };

/** A tenant's feed as its admin sees it, and for the operators of the house the feed of all tenants. */
export function feedAdminRoutes(app: FastifyInstance, door: AdminDoor): void {
  const { database } = door;
  const ofTenant = async (request: FastifyRequest): Promise<Feed> => {
    const { id, slug } = await tenantOf(door, request);
    return { id, name: slug };
  };
  const ofHouse = async (request: FastifyRequest): Promise<Feed> => {
    operatorOf(request);
    return { id: houseFeedId, name: houseFeedName };
  };
  for (const [path, find, scope] of [
    ["/tenants/:tenant/feed", ofTenant, {}],
    ["/feed", ofHouse, { scope: "house" }],
  ] as const) {
    app.get(
      path,
      about({ role: "viewer", ...scope, summary: "Show the head of the feed", answer: state }),
      async (request) => {
        const { id, name } = await find(request);
        return { name, ...(await readFeedState(database, id)) };
      },
    );
    app.post(
      `${path}/epoch`,
      about({
        role: "operator",
        ...scope,
        summary: "Begin a new epoch: every gateway starts over",
        body: noBody,
        status: 201,
        answer: raised,
      }),
      async (request, reply) => {
        const { id } = await find(request);
        read(noBody, request.body);
        return reply.code(201).send(await raiseEpoch(database, id, adminOf(request).credentialId));
      },
    );
    app.get(
      `${path}/subject-key`,
      about({
        role: "admin",
        ...scope,
        summary: "Show the key under which some gateways know subjects",
        answer: subjectKey,
      }),
      async (request, reply): Promise<FastifyReply> => {
        const { id, name } = await find(request);
        const key = await showSubjectKey(database, id, adminOf(request).credentialId);
        return reply.header("cache-control", "no-store").send({ name, subjectKey: key.toString("base64url") });
      },
    );
  }
}
