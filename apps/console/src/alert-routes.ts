import { acknowledgeAlert, findAlert, houseFeedId, listAlerts } from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, notFound, operatorOf, tenantOf } from "./admin-door.ts";
import { pageOf } from "./answer-shapes.ts";
import { alertShape } from "./lag-shapes.ts";
import { idIn, keysetOf, pageQuery, read, text } from "./requests.ts";

const listQuery = z.strictObject({ state: z.enum(["open", "all"]).default("all"), ...pageQuery });
const acknowledgeBody = z.strictObject({ note: text(500).optional() });

/** What needs a person: of a tenant, and for the operators of the house what is nobody's. */
export function alertRoutes(app: FastifyInstance, door: AdminDoor): void {
  const { database } = door;
  const list = (feedId: string, request: FastifyRequest) => {
    const query = read(listQuery, request.query);
    return listAlerts(database, feedId, query.state, keysetOf(query));
  };
  const show = async (feedId: string, request: FastifyRequest) => {
    const alert = await findAlert(database, feedId, idIn(request.params));
    if (alert === undefined) throw notFound();
    return alert;
  };
  const acknowledge = (feedId: string, request: FastifyRequest) => {
    const by = { actor: adminOf(request).credentialId, note: read(acknowledgeBody, request.body).note };
    return acknowledgeAlert(database, feedId, idIn(request.params), by);
  };
  const listing = { summary: "List alerts, the newest first", query: listQuery, answer: pageOf(alertShape) };
  const showing = { summary: "Show an alert", answer: alertShape };
  const noting = { summary: "Say that you have seen an alert", body: acknowledgeBody, answer: alertShape };

  app.get("/tenants/:tenant/alerts", about({ ...listing, role: "viewer" }), async (request) =>
    list((await tenantOf(door, request)).id, request),
  );
  app.get("/tenants/:tenant/alerts/:id", about({ ...showing, role: "viewer" }), async (request) =>
    show((await tenantOf(door, request)).id, request),
  );
  app.post("/tenants/:tenant/alerts/:id/acknowledge", about({ ...noting, role: "operator" }), async (request) =>
    acknowledge((await tenantOf(door, request)).id, request),
  );
  app.get("/alerts", about({ ...listing, role: "viewer", scope: "house" }), async (request) => {
    operatorOf(request);
    return list(houseFeedId, request);
  });
  app.post("/alerts/:id/acknowledge", about({ ...noting, role: "operator", scope: "house" }), async (request) => {
    operatorOf(request);
    return acknowledge(houseFeedId, request);
  });
}
