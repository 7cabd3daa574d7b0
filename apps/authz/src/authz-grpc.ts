import {
  type handleUnaryCall,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  status as grpcStatus,
} from "@grpc/grpc-js";
import { type Logger, newId, StartError } from "@rollcall/core/runtime";
import type { Guard } from "@rollcall/guard";
import { refusedAnswer } from "./answer.ts";
import type { AuthzRoutesOptions } from "./authz.ts";
import { type CheckRequest, type CheckResponse, externalAuth, type HeaderValueOption } from "./external-auth.ts";
import { headersToRemove, identityOf } from "./identity-headers.ts";
import { pathOf, tokenIn } from "./question.ts";

type Call = ServerUnaryCall<CheckRequest, CheckResponse>;

export type AuthzGrpcOptions = AuthzRoutesOptions & { readonly log: Logger };

/** A request's head has at most 32 KiB at our other door; Envoy's question repeats it, and need hold nothing else. */
const questionBytesMax = 256 * 1024;

/** Answers Envoy's ext_authz over gRPC as `authzRoutes` does over HTTP: the same decisions, the same refusals. */
export function createAuthzGrpc(guard: Guard, options: AuthzGrpcOptions): Server {
  const server = new Server({ "grpc.max_receive_message_length": questionBytesMax });
  const check = async (call: Call, callback: sendUnaryData<CheckResponse>): Promise<void> => {
    let response: CheckResponse;
    try {
      response = await decide(guard, call.request, options);
    } catch (error) {
      options.log.error({ err: error }, "a question over gRPC was not answered");
      // Envoy refuses then, unless its owner has told it to let everybody pass.
      callback({ code: grpcStatus.INTERNAL, details: "the question was not answered" });
      return;
    }
    callback(null, response);
  };
  // gRPC waits for the callback and for no promise; every way out of `check` calls it.
  const Check: handleUnaryCall<CheckRequest, CheckResponse> = (call, callback) => void check(call, callback);
  server.addService(externalAuth, { Check });
  return server;
}

/** Listens, and returns the port that it was given. */
export async function listenGrpc(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause, bound) => {
      if (cause === null) resolve(bound);
      else
        reject(new StartError(`gRPC cannot listen at ${address}: stop what uses the port, or set another`, { cause }));
    });
  });
}

async function decide(
  guard: Guard,
  question: CheckRequest,
  { routeFrom, log }: AuthzGrpcOptions,
): Promise<CheckResponse> {
  const requestId = newId();
  const decision = await guard.check(tokenIn(valuesOf("authorization", question)), {
    route: routeOf(question, routeFrom),
    requestId,
  });
  if (decision.allow) {
    log.debug({ iss: decision.iss, stale: decision.stale }, "allowed");
    const identity = identityOf(decision, guard.status().feed);
    const said = Object.entries(identity).filter(([, value]) => value !== "");
    return {
      status: { code: grpcStatus.OK },
      ok_response: { headers: said.map(overwrite), headers_to_remove: headersToRemove(identity) },
    };
  }
  const { reason, iss } = decision;
  log.info({ request: requestId, reason, iss }, "refused");
  const { status, headers, body } = refusedAnswer(decision, { requestId, unavailableStatus: 503 });
  return {
    status: { code: status === 401 ? grpcStatus.UNAUTHENTICATED : grpcStatus.UNAVAILABLE },
    // Where it says no status, Envoy answers 403.
    denied_response: { status: { code: status }, headers: Object.entries(headers).map(overwrite), body },
  };
}

/** Overwrites, because what is appended to a client's own header leaves the client's standing. */
function overwrite([key, value]: readonly [string, string]): HeaderValueOption {
  return { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
}

/** A header's values: as they came where Envoy has `encode_raw_headers`, else joined by commas, which no token has. */
function valuesOf(name: string, { attributes }: CheckRequest): readonly string[] {
  const { headers = {}, header_map: map } = attributes?.request?.http ?? {};
  const joined = Object.hasOwn(headers, name) ? [headers[name] ?? ""] : [];
  const raw = (map?.headers ?? []).filter(({ key }) => key.toLowerCase() === name);
  return [...joined, ...raw.map(({ value = "", raw_value: bytes }) => textOf(bytes) ?? value)];
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined || bytes.length === 0 ? undefined : Buffer.from(bytes).toString("latin1");
}

/** Where Envoy's own route says what it is, in `context_extensions`, no client has a say in it. */
function routeOf(question: CheckRequest, routeFrom: string | undefined): string | undefined {
  const { context_extensions: extensions = {}, request } = question.attributes ?? {};
  const named = extensions["route"];
  if (named !== undefined) return named;
  if (routeFrom === undefined) return undefined;
  if (routeFrom === "path") return pathOf(request?.http?.path ?? "");
  const [value, ...more] = valuesOf(routeFrom, question);
  return value === undefined || more.length > 0 ? undefined : pathOf(value);
}
