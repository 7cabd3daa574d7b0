import { DirectoryError, isId } from "@rollcall/core/domain";
import type { Outward } from "@rollcall/core/runtime";
import {
  createSubscription,
  type Credentials,
  type Database,
  findSubscription,
  listSubscriptions,
  removeSubscription,
  requestVerification,
  sealSecret,
  type SubscriptionPatch,
  updateSubscription,
} from "@rollcall/core/store";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import type { Admission } from "../admission.ts";
import { signalOf } from "../asker.ts";
import { kindsOf } from "./event-types.ts";
import { poll, type Waiting } from "./poll.ts";
import { openReceivers, type Receiver, type Receivers } from "./receivers.ts";
import type { SetSigner } from "./security-event-token.ts";
import { refuse } from "./ssf-refusal.ts";
import {
  changedStatus,
  changedStream,
  deliveryOf,
  maybeNamedStream,
  namedStream,
  newStream,
  pollMethod,
  pushMethod,
  read,
  type StreamSettings,
  streamView,
  verification,
  verificationEverySec,
} from "./stream-configuration.ts";

export type SsfDependencies = {
  readonly database: Database;
  readonly credentials: Credentials;
  readonly signer: SetSigner;
  readonly outward: Outward;
  readonly secretKey: Buffer;
  readonly waiting: Waiting;
  readonly admission: Admission;
  /** The issuer of what is told, and where it is asked for. */
  readonly publicUrl: string;
  readonly newId: () => string;
  readonly now: () => number;
};

const bodyBytesMax = 256 * 1024;
const listMax = 200;

/** A transmitter of the Shared Signals Framework 1.0: its configuration, its keys, its streams, and their polls. */
export function ssfRoutes(dependencies: SsfDependencies): FastifyPluginAsync {
  return async (app) => {
    app.get("/.well-known/ssf-configuration", async (_request, reply) =>
      reply.header("cache-control", "public, max-age=60").send(configurationOf(dependencies.publicUrl)),
    );
    app.get("/ssf/jwks.json", async (_request, reply) =>
      reply.header("cache-control", "public, max-age=60").send(dependencies.signer.jwks),
    );
    await app.register(streamRoutes(dependencies), { prefix: "/ssf" });
  };
}

/** SSF 1.0 §7.1. */
function configurationOf(issuer: string): object {
  return {
    spec_version: "1_0",
    issuer,
    jwks_uri: `${issuer}/ssf/jwks.json`,
    delivery_methods_supported: [pushMethod, pollMethod],
    configuration_endpoint: `${issuer}/ssf/streams`,
    status_endpoint: `${issuer}/ssf/status`,
    verification_endpoint: `${issuer}/ssf/verify`,
    authorization_schemes: [{ spec_urn: "urn:ietf:rfc:6749" }, { spec_urn: "urn:ietf:rfc:6750" }],
    default_subjects: "ALL",
    // Whoever passed over the session of a subject would sign out everybody.
    critical_subject_members: ["session"],
  };
}

function streamRoutes(dependencies: SsfDependencies): FastifyPluginAsync {
  return async (app) => {
    app.setErrorHandler(refuse);
    const receivers = openReceivers(app, dependencies.credentials, dependencies.admission);
    app.addHook("preClose", () => dependencies.waiting.close());
    configurationRoutes(app, dependencies, receivers);
    readRoutes(app, dependencies, receivers);
    statusRoutes(app, dependencies, receivers);
    app.post("/streams/:id/poll", { bodyLimit: bodyBytesMax }, async (request, reply) => {
      const { id } = request.params as { readonly id: string };
      if (!isId(id)) throw noStream();
      const answer = await poll(dependencies, receivers.of(request), id, request.body, signalOf(reply));
      return reply.header("cache-control", "no-store").send(answer);
    });
  };
}

/** SSF 1.0 §8.1.1. */
function configurationRoutes(app: FastifyInstance, dependencies: SsfDependencies, receivers: Receivers): void {
  const { database, publicUrl, newId } = dependencies;
  const own = { bodyLimit: bodyBytesMax };
  app.post("/streams", own, async (request, reply) => {
    const receiver = receivers.managing(request);
    const wanted = read(newStream, request.body);
    const id = newId();
    const { kind, url, authorization } = deliveryOf(wanted.delivery, dependencies.outward.refusalOf);
    const requested = wanted.events_requested ?? [];
    const stream = await createSubscription(
      database,
      receiver.tenantId,
      {
        id,
        kind,
        receiver: receiver.name,
        url,
        requested,
        events: kindsOf(requested),
        description: wanted.description,
        secret: authorization === undefined ? undefined : sealSecret(dependencies.secretKey, id, authorization),
      },
      receiver.credentialId,
    );
    return reply.code(201).send(streamView(stream, receiver.tenantId, publicUrl));
  });
  for (const method of ["PATCH", "PUT"] as const)
    app.route({
      method,
      url: "/streams",
      ...own,
      handler: async (request) => {
        const receiver = receivers.managing(request);
        const wanted = read(changedStream, request.body);
        const patch = patchOf(dependencies, wanted.stream_id, wanted, method === "PUT");
        const { tenantId, credentialId } = receiver;
        const stream = await updateSubscription(
          database,
          tenantId,
          receiver.own,
          wanted.stream_id,
          patch,
          credentialId,
        );
        return streamView(stream, tenantId, publicUrl);
      },
    });
  app.delete("/streams", async (request, reply) => {
    const { tenantId, own: scope, credentialId } = receivers.managing(request);
    const { stream_id: id } = read(namedStream, request.query);
    await removeSubscription(database, tenantId, scope, id, credentialId);
    return reply.code(204).send();
  });
}

/** SSF 1.0 §8.1.1.2. */
function readRoutes(app: FastifyInstance, { database, publicUrl }: SsfDependencies, receivers: Receivers): void {
  app.get("/streams", async (request) => {
    const receiver = receivers.of(request);
    const { stream_id: id } = read(maybeNamedStream, request.query);
    if (id !== undefined) return streamView(await found(database, receiver, id), receiver.tenantId, publicUrl);
    const page = { after: undefined, limit: listMax };
    const { items } = await listSubscriptions(database, receiver.tenantId, receiver.own, page);
    return items.map((stream) => streamView(stream, receiver.tenantId, publicUrl));
  });
}

/** SSF 1.0 §8.1.2 and §8.1.4. */
function statusRoutes(app: FastifyInstance, { database }: SsfDependencies, receivers: Receivers): void {
  app.get("/status", async (request) => {
    const { stream_id: id } = read(namedStream, request.query);
    const { status, statusReason } = await found(database, receivers.of(request), id);
    return { stream_id: id, status, ...(statusReason === null ? {} : { reason: statusReason }) };
  });
  app.post("/status", { bodyLimit: bodyBytesMax }, async (request) => {
    const { tenantId, own, credentialId } = receivers.managing(request);
    const { stream_id: id, status, reason } = read(changedStatus, request.body);
    await updateSubscription(database, tenantId, own, id, { status, statusReason: reason ?? null }, credentialId);
    return { stream_id: id, status, ...(reason === undefined ? {} : { reason }) };
  });
  app.post("/verify", { bodyLimit: bodyBytesMax }, async (request, reply) => {
    const receiver = receivers.managing(request);
    const { stream_id: id, state } = read(verification, request.body);
    await found(database, receiver, id);
    if (!(await requestVerification(database, receiver.tenantId, id, state, verificationEverySec)))
      throw new DirectoryError("rate_limited", `a stream is verified once in ${verificationEverySec} s: wait`);
    return reply.code(204).send();
  });
}

/** A PATCH leaves what it does not name, and a PUT puts it back to what it is without being named. */
function patchOf(
  { outward, secretKey }: SsfDependencies,
  id: string,
  wanted: StreamSettings,
  isWhole: boolean,
): SubscriptionPatch {
  const requested = wanted.events_requested ?? (isWhole ? [] : undefined);
  const description = wanted.description ?? (isWhole ? null : undefined);
  return {
    ...(requested === undefined ? {} : { requested, events: kindsOf(requested) }),
    ...(description === undefined ? {} : { description }),
    ...(wanted.delivery === undefined && !isWhole ? {} : deliveryPatch(wanted.delivery)),
  };
  function deliveryPatch(delivery: StreamSettings["delivery"]): SubscriptionPatch {
    const { kind, url, authorization } = deliveryOf(delivery, outward.refusalOf);
    const secret = authorization === undefined ? null : sealSecret(secretKey, id, authorization);
    return { kind, url: url ?? null, secret };
  }
}

async function found(database: Database, receiver: Receiver, id: string) {
  const stream = await findSubscription(database, receiver.tenantId, receiver.own, id);
  if (stream === undefined) throw noStream();
  return stream;
}

function noStream(): DirectoryError {
  return new DirectoryError("not_found", "no such stream");
}
