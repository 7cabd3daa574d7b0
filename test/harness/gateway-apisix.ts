import { readFile } from "node:fs/promises";
import { readBlockYaml } from "./block-yaml.ts";
import { askOverHttp, type Pairs, startDouble, valueOf, without } from "./gateway-double.ts";
import type { GatewayScene } from "./gateway-scene.ts";

type Route = {
  readonly uri: string;
  readonly plugins: { readonly "forward-auth": ForwardAuth };
  readonly upstream: { readonly type: string; readonly nodes: Readonly<Record<string, number>> };
};
type ForwardAuth = {
  readonly uri: string;
  readonly request_headers: readonly string[];
  readonly upstream_headers: readonly string[];
  readonly client_headers: readonly string[];
  readonly status_on_error: number;
  readonly timeout: number;
};
type Config = { readonly nginx_config: { readonly http: { readonly underscores_in_headers: string } } };

const known = ["uri", "request_headers", "upstream_headers", "client_headers", "status_on_error", "timeout"];

/** APISIX's `forward-auth` as its plugin does it (apisix/plugins/forward-auth.lua of 3.x), set up by the example's own files. */
export async function startApisix(examples: URL, scene: GatewayScene): Promise<string> {
  const route = JSON.parse(await readFile(new URL("route.json", examples), "utf8")) as Route;
  const [config] = readBlockYaml(await readFile(new URL("config.yaml", examples), "utf8")) as unknown as readonly [
    Config,
  ];
  const auth = route.plugins["forward-auth"];
  for (const name of Object.keys(auth)) if (!known.includes(name)) throw new Error(`not understood: ${name}`);
  const facts = [route.uri, Object.keys(route.plugins), Object.keys(route.upstream.nodes), auth.uri];
  if (facts.join() !== "/*,forward-auth,127.0.0.1:3000,http://127.0.0.1:8084/authz")
    throw new Error(`not what the scene has: ${facts.join()}`);

  const dropsUnderscores = config.nginx_config.http.underscores_in_headers === "off";
  return startDouble(scene.api, async ({ method, path, headers: sent }) => {
    // The nginx underneath drops what it calls invalid: other names than of letters, digits and hyphens.
    const valid = dropsUnderscores ? /^[a-z\d-]+$/ : /^[a-z\d_-]+$/;
    const headers = without(sent, (name) => !valid.test(name));
    // The nginx underneath refuses a second Authorization.
    if (headers.filter(([name]) => name.toLowerCase() === "authorization").length > 1)
      return { answer: { status: 400, headers: [], body: "" } };
    const asked: Pairs = [
      ["Host", new URL(scene.authz).host],
      ["X-Forwarded-Proto", "http"],
      ["X-Forwarded-Method", method],
      ["X-Forwarded-Host", valueOf(headers, "host") ?? ""],
      ["X-Forwarded-Uri", path],
      ["X-Forwarded-For", "127.0.0.1"],
      ...auth.request_headers.flatMap((name) => pairOf(name, valueOf(headers, name))),
    ];
    const question = { method: "GET", path: new URL(auth.uri).pathname, headers: asked };
    const answer = await askOverHttp(scene.authz, question, auth.timeout).catch(() => undefined);
    if (answer === undefined) return { answer: { status: auth.status_on_error, headers: [], body: "" } };
    if (answer.status >= 300) {
      const told = auth.client_headers.flatMap((name) => pairOf(name, valueOf(answer.headers, name)));
      return { answer: { ...answer, headers: told } };
    }
    // A header that the answer lacks is taken from the client's request all the same.
    const names = auth.upstream_headers.map((name) => name.toLowerCase());
    const said = auth.upstream_headers.flatMap((name) => pairOf(name, valueOf(answer.headers, name)));
    return { pass: [...without(headers, (name) => names.includes(name)), ...said] };
  });
}

function pairOf(name: string, value: string | undefined): Pairs {
  return value === undefined ? [] : [[name, value]];
}
