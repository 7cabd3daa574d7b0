import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const execute = promisify(execFile);
const guardFolder = fileURLToPath(new URL("..", import.meta.url));
const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const doors = ["", "/http", "/express", "/fastify", "/hono"];

let folder: string;
let installed: string;

async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await execute(program, args, { cwd, timeout: 120_000 });
  return stdout.trim();
}

/** Every Node on the path, the first of each major version. */
async function nodesOnPath(): Promise<ReadonlyMap<number, string>> {
  const places = await run("sh", ["-c", 'IFS=:; for place in $PATH; do echo "$place/node"; done'], tmpdir());
  const found = new Map<number, string>();
  for (const node of places.split("\n")) {
    const version = await run(node, ["--version"], tmpdir()).catch(() => undefined);
    const major = Number(version?.slice(1).split(".")[0] ?? Number.NaN);
    if (Number.isInteger(major) && !found.has(major)) found.set(major, node);
  }
  return found;
}

const nodes = await nodesOnPath();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "guard-package-"));
  await run("npm", ["pack", "--pack-destination", folder], guardFolder);
  // Of jose as the lock has it, so that nothing is asked of a registry.
  await run("npm", ["pack", "--ignore-scripts", "--pack-destination", folder, join(modules, "jose")], folder);
  const tarballs = (await readdir(folder)).filter((name) => name.endsWith(".tgz")).map((name) => join(folder, name));
  installed = join(folder, "consumer");
  await mkdir(installed);
  await writeFile(join(installed, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", ...tarballs], installed);
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the package that is published", () => {
  test("holds what runs and its types, and neither sources nor tests", async () => {
    const root = join(installed, "node_modules/@rollcall/guard");
    const files = await readdir(root, { recursive: true });
    expect(files.filter((name) => /\.test\.|testing|src\//.test(name))).toEqual([]);
    for (const name of ["package.json", "README.md", "dist/index.js", "dist/index.d.ts"])
      await access(join(root, name));
    const { dependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { dependencies: object };
    expect(Object.keys(dependencies)).toEqual(["jose"]);
    expect(await readdir(join(installed, "node_modules"))).toEqual(
      expect.arrayContaining([".package-lock.json", "@rollcall", "jose"]),
    );
  });

  test("brings no module that it does not name", async () => {
    const dist = join(installed, "node_modules/@rollcall/guard/dist");
    const names = (await readdir(dist, { recursive: true })).filter((name) => /\.(js|d\.ts)$/.test(name));
    const texts = await Promise.all(names.map((name) => readFile(join(dist, name), "utf8")));
    const imported = texts.flatMap((text) => [...text.matchAll(/\bfrom "([^"\s]+)";$/gm)].map(([, name]) => name));
    expect([...new Set(imported)].filter((name) => !name?.startsWith(".") && !name?.startsWith("node:"))).toEqual([
      "jose",
    ]);
  });

  test.for([20, 24])("runs on Node %i: it is imported, and refuses a token that is none", async (major, { skip }) => {
    const node = nodes.get(major) ?? skip(`there is no Node ${major} on PATH`);
    await writeFile(join(installed, "run.js"), program);
    expect(JSON.parse(await run(node, ["run.js"], installed))).toEqual({
      doors: doors.map(() => true),
      reasons: ["token_malformed", "ok", "ok", "feed_stale"],
    });
  });

  test("has types that compile under the strictest settings, without anybody else's", async () => {
    await writeFile(join(installed, "use.ts"), typed);
    const strict = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
    };
    const options = {
      ...strict,
      module: "nodenext",
      target: "es2024",
      lib: ["es2024", "dom"],
      noEmit: true,
      types: ["node"],
    };
    const compilerOptions = { ...options, typeRoots: [join(modules, "@types")] };
    await writeFile(join(installed, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.ts"] }));
    const outcome = await run(join(modules, ".bin/tsc"), ["-p", "."], installed).catch(
      (error: { stdout: string }) => error.stdout,
    );
    expect(outcome).toBe("");
  });
});

/** A guard on keys of its own, whose feed nobody serves. */
const program = `
import { createGuard } from "@rollcall/guard";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
const doors = [];
for (const door of ${JSON.stringify(doors)}) doors.push(Object.keys(await import("@rollcall/guard" + door)).length > 0);
const { publicKey, privateKey } = await generateKeyPair("ES256");
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "ES256" }] };
const token = await new SignJWT({ sub: "ada" }).setProtectedHeader({ alg: "ES256", kid: "k", typ: "at+jwt" })
  .setIssuer("https://idp.example").setAudience("api").setIssuedAt().setExpirationTime("5m").sign(privateKey);
const guard = createGuard({
  issuers: [{ issuer: "https://idp.example", audience: "api", jwks }],
  feed: { url: "http://127.0.0.1:9/v1/feeds/acme", token: "t", gateway: "g", keys: jwks },
  stale: (route) => (route === "/menu" ? "allow" : "deny"),
  unknown: "allow",
});
await guard.start();
const menu = { route: "/menu" };
const decisions = [await guard.check("x", menu), await guard.check(token, menu), await guard.check(token, menu), await guard.check(token)];
await guard.close();
process.stdout.write(JSON.stringify({ doors, reasons: decisions.map(({ reason }) => reason) }));
`;

const typed = `
import { createServer } from "node:http";
import { createGuard, type Decision, type GuardMetrics, refusalReasons, renderMetrics, type RefusalReason } from "@rollcall/guard";
import { protect } from "@rollcall/guard/http";
import { bearerOf as expressBearer, protect as forExpress } from "@rollcall/guard/express";
import { bearerOf as fastifyBearer, protect as forFastify } from "@rollcall/guard/fastify";
import { bearerOf as honoBearer, protect as forHono } from "@rollcall/guard/hono";
const guard = createGuard({
  issuers: [{ issuer: "https://login.example/{tid}/v2.0", audience: "api", jwksUrl: "https://login.example/keys", tenants: "any" }],
  feed: { url: "https://rollcall.example/v1/feeds/acme", token: "t", gateway: "g" },
  stale: "deny",
  unknown: "allow",
  onDecision: (decision: Decision, { route }) => void [decision.reason, route],
});
const metrics: GuardMetrics = guard.metrics();
const text: string = renderMetrics(metrics);
const reasons: readonly RefusalReason[] = Object.keys(refusalReasons) as RefusalReason[];
createServer(protect(guard, (_request, response, bearer) => void response.end(bearer.sub + text + reasons.length)));
export const middleware = [forExpress(guard), forFastify(guard), forHono(guard, { realm: "orders" })];
export const bearers = [expressBearer({}), fastifyBearer({}), honoBearer({})].map(({ sub }) => sub);
// @ts-expect-error there is no default for someone who has not chosen
createGuard({ issuers: [], feed: { url: "", token: "", gateway: "" } });
`;
