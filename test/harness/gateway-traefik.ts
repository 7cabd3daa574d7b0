import { readFile } from "node:fs/promises";
import { readBlockYaml } from "./block-yaml.ts";
import { askOverHttp, type Pairs, startDouble, without, withoutHopByHop, withoutNominated } from "./gateway-double.ts";
import type { GatewayScene } from "./gateway-scene.ts";

type Dynamic = {
  readonly http: {
    readonly routers: { readonly api: { readonly middlewares: readonly string[]; readonly service: string } };
    readonly middlewares: { readonly rollcall: { readonly forwardAuth: ForwardAuth } };
    readonly services: {
      readonly api: { readonly loadBalancer: { readonly servers: readonly [{ readonly url: string }] } };
    };
  };
};
type ForwardAuth = {
  readonly address: string;
  readonly trustForwardHeader: boolean;
  readonly maxResponseBodySize: number;
  readonly authRequestHeaders: readonly string[];
  readonly authResponseHeaders: readonly string[];
  readonly authResponseHeadersRegex: string;
};

const known = [
  "address",
  "trustForwardHeader",
  "maxResponseBodySize",
  "authRequestHeaders",
  "authResponseHeaders",
  "authResponseHeadersRegex",
];
/** Fixed in Traefik. */
const patienceMs = 30_000;

/** Traefik's ForwardAuth as its middleware does it (pkg/middlewares/auth/forward.go of 3.x), set up by the example's own file. */
export async function startTraefik(example: URL, scene: GatewayScene): Promise<string> {
  const [{ http }] = readBlockYaml(await readFile(example, "utf8")) as unknown as readonly [Dynamic];
  const { forwardAuth } = http.middlewares.rollcall;
  for (const name of Object.keys(forwardAuth)) if (!known.includes(name)) throw new Error(`not understood: ${name}`);
  const { address, trustForwardHeader, authRequestHeaders, authResponseHeaders } = forwardAuth;
  const { routers, services } = http;
  const facts = [routers.api.middlewares[0], routers.api.service, services.api.loadBalancer.servers[0].url, address];
  if (facts.join() !== "rollcall,api,http://127.0.0.1:3000,http://127.0.0.1:8084/authz" || trustForwardHeader)
    throw new Error(`not what the scene has: ${facts.join()}`);
  const requestHeaders = authRequestHeaders.map((name) => name.toLowerCase());
  const responseHeaders = authResponseHeaders.map((name) => name.toLowerCase());
  // Go writes flags into the expression.
  const pattern = new RegExp(forwardAuth.authResponseHeadersRegex.replace("(?i)", ""), "i");

  return startDouble(scene.api, async ({ method, path, headers: sent }) => {
    // The entry point does so since 3.1.3 and 2.11.9.
    const headers = withoutNominated(sent);
    const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? "";
    const asked: Pairs = [
      ["Host", new URL(scene.authz).host],
      ...without(withoutHopByHop(headers), (name) => !requestHeaders.includes(name)),
      ["X-Forwarded-For", "127.0.0.1"],
      ["X-Forwarded-Method", method],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Host", host],
      ["X-Forwarded-Uri", path],
    ];
    // GET whatever the client's method is, and without its body.
    const question = { method: "GET", path: new URL(address).pathname, headers: asked };
    const answer = await askOverHttp(scene.authz, question, patienceMs).catch(() => undefined);
    if (answer === undefined || answer.body.length > forwardAuth.maxResponseBodySize)
      return { answer: { status: 500, headers: [], body: "" } };
    if (answer.status < 200 || answer.status >= 300) return { answer };
    const isTaken = (name: string): boolean => responseHeaders.includes(name) || pattern.test(name);
    const said = answer.headers.filter(([name]) => isTaken(name.toLowerCase()));
    return { pass: [...without(headers, isTaken), ...said] };
  });
}
