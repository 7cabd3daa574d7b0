import { DirectoryError } from "@rollcall/core/domain";
import type { Credentials, StreamScope, SubscriptionScope } from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Admission } from "../admission.ts";
import { insufficientScope } from "./ssf-refusal.ts";

/** The application that asks. */
export type Receiver = {
  readonly tenantId: string;
  readonly name: string;
  readonly credentialId: string;
  readonly scopes: readonly StreamScope[];
  /** Its own streams, and no others. */
  readonly own: SubscriptionScope & { readonly of: "stream" };
  /** Whether its token still lives. */
  readonly isAlive: () => Promise<boolean>;
};

export type Receivers = {
  readonly of: (request: FastifyRequest) => Receiver;
  /** Throws where the token only reads. */
  readonly managing: (request: FastifyRequest) => Receiver;
};

const decorator = "ssfReceiver";

/** Lets only live tokens of applications in, from the header alone (RFC 6750 §2.1), before any body is read. */
export function openReceivers(app: FastifyInstance, credentials: Credentials, admission: Admission): Receivers {
  app.decorateRequest(decorator, null);
  app.addHook("onRequest", async (request) => {
    const [, token] = /^Bearer +([\w-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
    const bearer = token === undefined ? undefined : await credentials.authenticate(token, "ssf");
    if (bearer?.tenantId === undefined || bearer.receiver === undefined)
      throw new DirectoryError("unauthenticated", "a live token of an application is needed");
    admission.admit(bearer.credentialId);
    request.setDecorator<Receiver>(decorator, {
      tenantId: bearer.tenantId,
      name: bearer.receiver,
      credentialId: bearer.credentialId,
      scopes: bearer.scopes,
      own: { of: "stream", receiver: bearer.receiver },
      isAlive: () => credentials.isAlive(bearer),
    });
  });
  const of = (request: FastifyRequest): Receiver => request.getDecorator<Receiver>(decorator);
  return {
    of,
    managing: (request) => {
      const receiver = of(request);
      if (!receiver.scopes.includes("ssf.manage")) throw insufficientScope;
      return receiver;
    },
  };
}
