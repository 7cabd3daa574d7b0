import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Bearer, Credentials } from "@rollcall/core/store";
import type { Admission } from "./admission.ts";
import { FeedRefusal } from "./errors.ts";

/** Who asks, and whether they still may. */
export type Caller = { readonly bearer: Bearer; readonly isAlive: () => Promise<boolean> };

export type Callers = {
  /** A hook that lets only live feed tokens in, as often as they may come, before any body is read. */
  readonly admit: (request: FastifyRequest) => Promise<void>;
  readonly of: (request: FastifyRequest) => Caller;
};

const decorator = "feedCaller";

/** A gateway's token, and its tenant. Another purpose, another tenant's or nobody's: all are the same 401. */
export function openCallers(app: FastifyInstance, credentials: Credentials, admission: Admission): Callers {
  app.decorateRequest(decorator, null);
  return {
    admit: async (request) => {
      const [, token] = /^Bearer +([\w-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
      const bearer = token === undefined ? undefined : await credentials.authenticate(token, "feed");
      if (bearer === undefined) throw new FeedRefusal("unauthenticated");
      admission.admit(bearer.credentialId);
      const isAlive = (): Promise<boolean> => credentials.isAlive(bearer);
      request.setDecorator<Caller>(decorator, { bearer, isAlive });
    },
    of: (request) => request.getDecorator<Caller>(decorator),
  };
}
