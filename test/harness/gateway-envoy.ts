import { readFile } from "node:fs/promises";
import { type CheckResponse, createCheckClient } from "@rollcall/authz/testing";
import { onTestFinished } from "vitest";
import { readBlockYaml } from "./block-yaml.ts";
import {
  askOverHttp,
  type Pairs,
  type Question,
  type Reply,
  startDouble,
  type Verdict,
  without,
  withoutNominated,
} from "./gateway-double.ts";
import type { GatewayScene } from "./gateway-scene.ts";

type Config = {
  readonly static_resources: {
    readonly listeners: readonly [
      { readonly filter_chains: readonly [{ readonly filters: readonly [Filter<Manager>] }] },
    ];
    readonly clusters: readonly Cluster[];
  };
};
type Cluster = {
  readonly name: string;
  readonly typed_extension_protocol_options?: object;
  readonly load_assignment: {
    readonly endpoints: readonly [
      { readonly lb_endpoints: readonly [{ readonly endpoint: { readonly address: Address } }] },
    ];
  };
};
type Address = { readonly socket_address: { readonly address: string; readonly port_value: number } };
type Filter<Settings> = { readonly typed_config: Settings & { readonly "@type": string } };
type Manager = {
  readonly common_http_protocol_options?: { readonly headers_with_underscores_action?: string };
  readonly http_filters: readonly Filter<ExtAuthz>[];
};
type ExtAuthz = {
  readonly transport_api_version: string;
  readonly failure_mode_allow?: boolean;
  readonly status_on_error?: { readonly code: string };
  readonly http_service?: {
    readonly server_uri: { readonly uri: string; readonly cluster: string; readonly timeout: string };
    readonly path_prefix: string;
    readonly authorization_response: {
      readonly allowed_upstream_headers: { readonly patterns: readonly { readonly exact: string }[] };
    };
  };
  readonly grpc_service?: { readonly envoy_grpc: { readonly cluster_name: string }; readonly timeout: string };
};

const statusNames: Readonly<Record<string, number>> = { ServiceUnavailable: 503, Forbidden: 403 };
const typePrefix = "type.googleapis.com/envoy.extensions.filters.http.";

export type EnvoyChanges = { readonly headersWithUnderscores: "as in the example" | "as by default" };

/**
 * Envoy's `ext_authz` as its API describes it (envoy.extensions.filters.http.ext_authz.v3, envoy.service.auth.v3),
 * set up by the example's own file. What the file says and this does not know is refused.
 */
export async function startEnvoy(example: URL, scene: GatewayScene, changes: EnvoyChanges): Promise<string> {
  const [config] = readBlockYaml(await readFile(example, "utf8")) as unknown as readonly [Config];
  const { listeners, clusters } = config.static_resources;
  const manager = listeners[0].filter_chains[0].filters[0].typed_config;
  const [filter, router] = manager.http_filters.map(({ typed_config: settings }) => settings);
  if (filter?.["@type"] !== `${typePrefix}ext_authz.v3.ExtAuthz` || filter.transport_api_version !== "V3")
    throw new Error("the first filter must be ext_authz");
  if (router?.["@type"] !== `${typePrefix}router.v3.Router`) throw new Error("the second filter must be the router");

  refuseOthers(filter, [
    "@type",
    "transport_api_version",
    "failure_mode_allow",
    "status_on_error",
    "http_service",
    "grpc_service",
  ]);
  refuseOthers(filter.http_service, ["server_uri", "path_prefix", "authorization_response"]);
  refuseOthers(filter.http_service?.authorization_response, ["allowed_upstream_headers"]);

  const addresses = new Map(clusters.map((cluster) => [cluster.name, addressOf(cluster, scene)]));
  const authorize =
    filter.grpc_service === undefined ? overHttp(filter, addresses) : overGrpc(filter, addresses, clusters);
  const underscores =
    changes.headersWithUnderscores === "as by default"
      ? "ALLOW"
      : (manager.common_http_protocol_options?.headers_with_underscores_action ?? "ALLOW");
  const api = addresses.get("api") ?? "";
  return startDouble(api, async (question) => {
    const lower = withoutNominated(question.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
    const headers = underscores === "DROP_HEADER" ? without(lower, (name) => name.includes("_")) : lower;
    return authorize({ ...question, headers });
  });
}

/** The example's addresses stand for the scene's. */
function addressOf({ load_assignment: { endpoints } }: Cluster, scene: GatewayScene): string {
  const { address, port_value: port } = endpoints[0].lb_endpoints[0].endpoint.address.socket_address;
  const known: Readonly<Record<string, string>> = {
    "127.0.0.1:3000": scene.api,
    "127.0.0.1:8084": scene.authz,
    "127.0.0.1:9084": scene.grpc,
  };
  const found = known[`${address}:${port}`];
  if (found === undefined) throw new Error(`nobody is at ${address}:${port}`);
  return found;
}

type Authorize = (question: Question) => Promise<Verdict>;

function overHttp(filter: ExtAuthz, addresses: ReadonlyMap<string, string>): Authorize {
  const service = filter.http_service;
  if (service === undefined) throw new Error("neither http_service nor grpc_service");
  const { server_uri: server, path_prefix: prefix, authorization_response: response } = service;
  const allowed = response.allowed_upstream_headers.patterns.map(({ exact }) => exact);
  return async ({ method, path, headers }) => {
    // Of the client's headers, these go along unasked: Host, Method, Path, Content-Length and Authorization.
    const merged = mergedOf(headers);
    const authorization = merged["authorization"];
    const asked: Pairs = [
      ["host", merged["host"] ?? ""],
      ["content-length", "0"],
      ...(authorization === undefined ? [] : [["authorization", authorization] as const]),
    ];
    const question = { method, path: `${prefix}${path}`, headers: asked };
    const answer = await askOverHttp(addresses.get(server.cluster) ?? "", question, msOf(server.timeout)).catch(
      () => undefined,
    );
    if (answer === undefined || answer.status >= 500) return failed(filter, headers);
    // Any other status but 200 is a denial, whose headers all go to the client where `allowed_client_headers` is not set.
    if (answer.status !== 200) return { answer };
    const said = answer.headers.map(([name, value]) => [name.toLowerCase(), value] as const);
    const removed = said
      .filter(([name]) => name === "x-envoy-auth-headers-to-remove")
      .flatMap(([, names]) => names.split(","));
    const set = said.filter(([name]) => allowed.includes(name));
    return {
      pass: mutated(
        headers,
        set,
        removed.map((name) => name.trim()),
      ),
    };
  };
}

function overGrpc(filter: ExtAuthz, addresses: ReadonlyMap<string, string>, clusters: readonly Cluster[]): Authorize {
  const name = filter.grpc_service?.envoy_grpc.cluster_name ?? "";
  const options = JSON.stringify(clusters.find((cluster) => cluster.name === name)?.typed_extension_protocol_options);
  if (!options.includes("http2_protocol_options")) throw new Error("gRPC needs a cluster that speaks HTTP/2");
  const client = createCheckClient(addresses.get(name) ?? "");
  onTestFinished(client.close);
  return async ({ method, path, headers }) => {
    const merged = mergedOf(headers);
    const host = merged["host"] ?? "";
    const pseudo = { ":authority": host, ":method": method, ":path": path, ":scheme": "http" };
    const { host: _host, ...rest } = merged;
    const http = { method, path, host, scheme: "http", protocol: "HTTP/1.1", headers: { ...rest, ...pseudo } };
    const response = await client.check({ attributes: { request: { http } } }).catch(() => undefined);
    return response === undefined ? failed(filter, headers) : verdictOf(response, headers);
  };
}

function verdictOf({ status, ok_response: ok, denied_response: denied }: CheckResponse, headers: Pairs): Verdict {
  if ((status?.code ?? 0) === 0) {
    const set = (ok?.headers ?? []).map(({ header, append_action: action }) => {
      if (action !== "OVERWRITE_IF_EXISTS_OR_ADD") throw new Error("what is appended leaves the client's own standing");
      return [header.key.toLowerCase(), header.value ?? ""] as const;
    });
    return { pass: mutated(headers, set, ok?.headers_to_remove ?? []) };
  }
  // Where the answer says no status, Envoy says 403.
  const said = (denied?.headers ?? []).map(({ header }) => [header.key, header.value ?? ""] as const);
  return { answer: { status: denied?.status?.code ?? 403, headers: said, body: denied?.body ?? "" } };
}

function failed({ failure_mode_allow: allows, status_on_error: status }: ExtAuthz, headers: Pairs): Verdict {
  if (allows === true) return { pass: [...headers, ["x-envoy-auth-failure-mode-allowed", "true"]] };
  const reply: Reply = { status: statusNames[status?.code ?? "Forbidden"] ?? 0, headers: [], body: "" };
  return { answer: reply };
}

/** Sets, then removes, in the order of Envoy's filter. Neither touches the host. */
function mutated(headers: Pairs, set: Pairs, removed: readonly string[]): Pairs {
  const overwritten = without(headers, (name) => set.some(([other]) => other === name));
  return without([...overwritten, ...set], (name) => removed.includes(name) && name !== "host");
}

/** Headers of one name are joined by commas (RFC 9110 §5.3). */
function mergedOf(headers: Pairs): Readonly<Record<string, string>> {
  const merged: Record<string, string> = {};
  for (const [name, value] of headers) merged[name] = name in merged ? `${merged[name]},${value}` : value;
  return merged;
}

function refuseOthers(settings: object | undefined, known: readonly string[]): void {
  for (const name of Object.keys(settings ?? {})) if (!known.includes(name)) throw new Error(`not understood: ${name}`);
}

function msOf(duration: string): number {
  return Number(/^(\d+)s$/.exec(duration)?.[1]) * 1_000;
}
