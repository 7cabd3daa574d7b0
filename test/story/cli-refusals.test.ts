import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";

const bin = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));
const house = await openHouse();
let tenant: TestTenant;
let adminToken: string;

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

function run(program: string, args: readonly string[], settings: Readonly<Record<string, string>>): Promise<Ran> {
  // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
  const env = { ...process.env, ROLLCALL_SECRET: "", ...settings };
  return new Promise((resolve) => {
    execFile(program, args, { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

const rollcall = (...args: readonly string[]): Promise<Ran> =>
  run(bin, ["--tenant", tenant.slug, ...args], { ROLLCALL_URL: house.url, ROLLCALL_TOKEN: adminToken });

/** One JSON document and nothing else, or it throws. */
const documentOf = ({ stdout }: Ran): Readonly<Record<string, unknown>> =>
  JSON.parse(stdout) as Readonly<Record<string, unknown>>;

const stackShape = /^\s+at /m;

beforeAll(async () => {
  tenant = await createTenant(house);
  adminToken = (await house.credentials.issue({ purpose: "admin", tenantId: undefined, label: "story" })).token;
});

test.each([
  ["source", "add", "idp", "--kind", "workos", "--setting", "directory=d", "--secret-file", "/nowhere/secret"],
  ["provider", "set", "idp", "--kind", "okta", "--secret-file", "/nowhere/secret"],
  ["provider", "set", "idp", "--kind", "ldap", "--setting-file", "authorities=/nowhere/secret"],
  ["connection", "schema", "add", "idp", "/nowhere/secret"],
  ["feed", "key", "list", "--file", "/nowhere/secret"],
  ["tenant", "list", "--token-file", "/nowhere/secret"],
  [
    "gateway",
    "agent",
    "opa",
    "--feed",
    "http://127.0.0.1:9",
    "--gateway",
    "g",
    "--port",
    "8090",
    "--feed-token-file",
    "/nowhere/secret",
  ],
])("a file that is not there is named with exit code 2: %s %s %s", async (...args) => {
  const ran = await rollcall("--json", ...args);
  expect(ran.stderr).toBe("rollcall: /nowhere/secret cannot be read: ENOENT\n");
  expect([ran.code, documentOf(ran)["error"]]).toMatchObject([2, { code: "file_unreadable" }]);
});

test("a URL where something else answers 200 is questioned with exit code 3", async () => {
  const stranger = createServer((_, response) =>
    response.setHeader("content-type", "text/html").end("<h1>It works</h1>"),
  );
  stranger.listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
  try {
    const ran = await rollcall("--json", "--url", url, "lag");
    expect(ran.code).toBe(3);
    expect(ran.stderr).toBe(`rollcall: ${url} answers 200 and not as Rollcall does: is the URL right?\n`);
    expect(documentOf(ran)["error"]).toMatchObject({ code: "unreachable" });
  } finally {
    stranger.close();
  }
});

test("a time in which nobody was refused is explained with exit code 0", async () => {
  const { code, stdout } = await rollcall("explain", "--since", "30m");
  expect(stdout).toContain("nothing_refused");
  expect(code).toBe(0);
});

test("whoever reads no further than the first line is told of nothing else", async () => {
  const script = `set -o pipefail; for i in 1 2 3 4 5; do "${bin}" --help | head -1; done`;
  const { stdout, stderr } = await run("bash", ["-c", script], {});
  expect(stderr).toBe("");
  expect(stdout).toBe("Usage: rollcall [options] [command]\n".repeat(5));
});

describe("a source", () => {
  const source = (...args: readonly string[]) => rollcall("source", ...args);
  const idOf = (ran: Ran): string => /^id +(\S+)$/m.exec(ran.stdout)?.[1] ?? "";

  test("whose secret its sender needs is told with where to give it", async () => {
    const added = await source("add", "idp", "--kind", "okta");
    expect(added).toMatchObject({ code: 0, stderr: "" });
    expect(added.stdout).toMatch(/^url .*\/hooks\//m);
    expect(added.stdout).toMatch(/^secret /m);
    expect(added.stdout).toContain("give it to the sender with the URL");
    expect((await source("rotate", idOf(added))).stdout).toContain("give it to the sender with the URL");
  });

  test("that Rollcall subscribes to itself leaves nothing to be set up", async () => {
    const added = await source("add", "idp", "--kind", "graph");
    expect(added).toMatchObject({ code: 0, stderr: "" });
    const rotated = await source("rotate", idOf(added));
    for (const { stdout } of [added, rotated]) {
      expect(stdout).toContain("nothing to be set up at the sender");
      expect(stdout).not.toMatch(/^secret |give it to the sender/m);
    }
  });

  test("that is polled has no address of ours", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "rollcall-source-"));
    const secret = path.join(directory, "secret");
    await writeFile(secret, "the stream's bearer\n");
    const settings = ["issuer=https://idp.example", "audience=crm", "endpoint=https://idp.example/ssf/poll/1"];
    const given = settings.flatMap((setting) => ["--setting", setting]);
    try {
      const added = await source("add", "idp", "--kind", "ssf_poll", ...given, "--secret-file", secret);
      expect(added).toMatchObject({ code: 0, stderr: "" });
      expect(added.stdout).not.toContain("/hooks/");
      expect(documentOf(await rollcall("--json", "source", "show", idOf(added)))).not.toHaveProperty("url");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

async function emptyDatabase(): Promise<string> {
  const name = `t_${randomBytes(8).toString("hex")}`;
  const client = new Client({ connectionString: `${inject("postgresUrl")}/postgres` });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  return `${inject("postgresUrl")}/${name}`;
}

describe("rollcall migrate", () => {
  const migrate = (databaseUrl: string, ...args: readonly string[]) =>
    run(bin, ["migrate", ...args], { DATABASE_URL: databaseUrl });

  test("without a database says which setting is missing, with exit code 2", async () => {
    const ran = await migrate("", "--json");
    expect(ran.stderr).toContain("DATABASE_URL");
    expect(ran.stderr).not.toMatch(stackShape);
    expect([ran.code, documentOf(ran)["error"]]).toMatchObject([2, { code: "configuration_invalid" }]);
  });

  test("without an answer from the database says so with exit code 3", async () => {
    const ran = await migrate("postgresql://rollcall:secret@127.0.0.1:9/rollcall", "--json");
    expect(ran.stderr).toMatch(
      /^rollcall: Can't reach .+127\.0\.0\.1:9.+\nIs it running\? DATABASE_URL says where it is\.\n$/,
    );
    expect([ran.code, documentOf(ran)["error"]]).toMatchObject([3, { code: "database_unreachable" }]);
  });

  test("where the database refuses says why with exit code 1", async () => {
    const ran = await migrate(inject("postgresUrl").replace(/\/\/[^@]+@/, "//nobody:wrong@") + "/rollcall", "--json");
    expect(ran.stderr).toMatch(/^rollcall: the database was not migrated: /);
    expect(ran.stderr).not.toMatch(stackShape);
    expect([ran.code, documentOf(ran)["error"]]).toMatchObject([1, { code: "migration_failed" }]);
  });

  test("prepares a new database, and tells the first tokens once, with --json in one document", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), "rollcall-migrate-"));
    const databaseUrl = await emptyDatabase();
    try {
      const args = ["--prepare", "--secrets-dir", path.join(directory, "secrets"), "--json"];
      const first = await migrate(databaseUrl, ...args);
      expect(first).toMatchObject({ code: 0, stderr: "" });
      const { applied, tokens } = documentOf(first);
      expect((applied as readonly string[]).length).toBeGreaterThan(0);
      expect(tokens).toEqual({
        scim: expect.stringMatching(/^rc_scim_/) as unknown,
        admin: expect.stringMatching(/^rc_admin_/) as unknown,
        feed: expect.stringMatching(/^rc_feed_/) as unknown,
      });
      expect(documentOf(await migrate(databaseUrl, ...args))).toEqual({ applied: [] });
      const kept = ["--prepare", "--secrets-dir", "/dev/null/secrets", "--json"];
      const ran = await migrate(databaseUrl, ...kept);
      expect([ran.code, documentOf(ran)["error"]]).toMatchObject([2, { code: "secrets_unusable" }]);
    } finally {
      await rm(directory, { recursive: true });
    }
  }, 180_000);
});
