import type { Logger, Outward } from "@rollcall/core/runtime";
import { type Credentials, type Database, secretPurpose, subscribe } from "@rollcall/core/store";
import type { FastifyPluginAsync } from "fastify";
import { createAdmission } from "../admission.ts";
import { type DelivererOptions, startDeliverer } from "./deliverer.ts";
import { createWaiting } from "./poll.ts";
import { openSetSigner } from "./security-event-token.ts";
import { ssfRoutes } from "./ssf-routes.ts";

export type EgressOptions = {
  readonly database: Database;
  readonly credentials: Credentials;
  readonly outward: Outward;
  /** The private JWKS that signs what applications are told. */
  readonly ssfKeys: string;
  readonly publicUrl: string;
  readonly log: Logger;
  readonly newId: () => string;
  readonly now: () => number;
  /** For a story that cannot wait. */
  readonly pace?: Pick<DelivererOptions, "scheduleSec" | "timeoutMs" | "pauseMs" | "pollMs">;
  /** False where this process only answers, and others send. */
  readonly sends?: boolean;
};

export type Egress = { readonly routes: FastifyPluginAsync; close(): Promise<void> };

const requestsPerSec = 50;

/** The way out to applications: what they ask for, and what they are sent. */
export async function startEgress(options: EgressOptions): Promise<Egress> {
  const { database, credentials, log, publicUrl, now, newId, outward, sends = true } = options;
  const signer = await openSetSigner(options.ssfKeys, publicUrl);
  const secretKey = credentials.keyFor(secretPurpose);
  const waiting = createWaiting();
  const subscription = await subscribe(database, "rollcall_egress", waiting.ring, (error) =>
    log.warn({ err: error }, "polls lost a connection"),
  );
  const deliverer = sends
    ? await startDeliverer({ database, signer, outward, secretKey, log, newId, ...options.pace })
    : undefined;
  const admission = createAdmission({ requestsPerSec, waitingMax: 0 }, now);
  return {
    routes: ssfRoutes({ database, credentials, signer, outward, secretKey, waiting, admission, publicUrl, newId, now }),
    close: async () => {
      await deliverer?.close();
      await subscription.close();
      outward.close();
    },
  };
}
