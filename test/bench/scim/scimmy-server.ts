/**
 * The peer: scimmy-routers on Express, as its README sets it up, with everything in memory. What it
 * keeps is gone with the process; what it saves on the disk is part of its score.
 */
import { randomUUID } from "node:crypto";
import express, { type Request, type Response, type NextFunction } from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";
import { userBody } from "./seed-user.ts";

type Kept = { id: string; userName?: string; displayName?: string };

/** The handlers of one resource type over a Map; names are unique by a second one. */
function inMemory(nameOf: (kept: Kept) => string | undefined) {
  const kept = new Map<string, Kept>();
  const idsByName = new Map<string, string>();
  return {
    ingress: (resource: { id?: string }, data: Kept) => {
      const id = resource.id ?? randomUUID();
      if (resource.id !== undefined && !kept.has(id)) throw new SCIMMY.Types.Error(404, "", "no such resource");
      const name = nameOf(data)?.toLowerCase() ?? "";
      if ((idsByName.get(name) ?? id) !== id) throw new SCIMMY.Types.Error(409, "uniqueness", "taken");
      idsByName.set(name, id);
      const next = { ...data, id };
      kept.set(id, next);
      return next;
    },
    egress: (resource: { id?: string; filter?: { match(values: readonly Kept[]): Kept[] } }) => {
      if (resource.id === undefined) return resource.filter?.match([...kept.values()]) ?? [...kept.values()];
      const found = kept.get(resource.id);
      if (found === undefined) throw new SCIMMY.Types.Error(404, "", "no such resource");
      return found;
    },
    degress: (resource: { id?: string }) => {
      kept.delete(resource.id ?? "");
    },
  };
}

const users = inMemory((user) => user.userName);
const groups = inMemory((group) => group.displayName);
SCIMMY.Resources.declare(SCIMMY.Resources.User, users as never);
SCIMMY.Resources.declare(SCIMMY.Resources.Group, groups as never);
for (let number = 0; number < Number(process.env["SEED_USERS"]); number += 1) {
  users.ingress({}, userBody(`seed-${number}@peer.test`) as unknown as Kept);
}

const app = express();
// Express 5 parses the query anew whenever it is read, so that scimmy-routers' numbers are lost and
// every list is cut at twenty: with this the peer does the work that it is asked for.
app.use((request: Request, _response: Response, next: NextFunction) => {
  Object.defineProperty(request, "query", { value: { ...request.query }, writable: true });
  next();
});
app.use(new SCIMMYRouters({ type: "bearer", handler: () => "bench" }) as never);
// A page of many users takes it seconds, in which it hears nobody: its own time-outs would end what had been sent in time.
Object.assign(app.listen(Number(process.env["PORT"]), "127.0.0.1"), {
  requestTimeout: 0,
  headersTimeout: 0,
  keepAliveTimeout: 0,
});
