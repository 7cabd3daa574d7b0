import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { startScimServer } from "../harness/providers/scim-server.ts";
import { ann, eager } from "../harness/read-back-scene.ts";
import { createTenant, newUser } from "../harness/tenant.ts";

const bin = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));
const house = await openHouse({ readBacks: eager });

test(
  "a provider is set, tried, shown and removed by command line, and its secret is never shown",
  { timeout: 180_000 },
  async () => {
    const tenant = await createTenant(house);
    await tenant.scim("POST", "/Users", newUser("ann"));
    const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
    const secret = "a-secret-that-nobody-may-read";
    const server = await startScimServer({ users: [ann], groups: [] }, secret, "index");
    onTestFinished(() => server.close());
    const directory = await mkdtemp(path.join(tmpdir(), "rollcall-provider-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    await writeFile(path.join(directory, "secret"), `${secret}\n`);
    const rollcall = (...args: readonly string[]) => run(tenant.slug, token, ["provider", ...args]);

    const wrong = await rollcall(
      "set",
      "idp",
      "--kind",
      "scim",
      "--setting",
      "colour=red",
      "--secret-file",
      path.join(directory, "secret"),
    );
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringMatching(/settings\.url: is required.*settings\.colour/s) as string,
    ]);
    const url = `${server.origin}/scim/v2`;
    const set = ["set", "idp", "--kind", "scim", "--setting", `url=${url}`, "--setting", "pace.attemptsMax=1"];
    expect((await rollcall(...set)).code).toBe(1);
    const done = await rollcall(...set, "--secret-file", path.join(directory, "secret"));
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining("rollcall provider test idp") as string]);
    const tried = await rollcall("test", "idp");
    expect([tried.code, tried.stdout]).toEqual([
      0,
      expect.stringMatching(/one user by id: found, active[^]*it works/) as string,
    ]);
    const shown = await rollcall("show", "idp");
    expect(shown.stdout).toMatch(/kind +scim\nurl +http[^]*pace\.attemptsMax +1[^]*nobody waits to be asked about/);
    server.meddle(() => ({ status: 403, body: {} }));
    const failed = await rollcall("test", "idp");
    expect([failed.code, failed.stdout]).toEqual([
      1,
      expect.stringMatching(/forbidden: [^]*it does not work yet/) as string,
    ]);
    expect((await rollcall("remove", "idp")).code).toBe(0);
    expect((await rollcall("show", "idp")).code).toBe(1);
    for (const { stdout, stderr } of [wrong, done, tried, shown, failed]) expect(stdout + stderr).not.toContain(secret);
  },
);

function run(
  tenant: string,
  token: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
  const env = { ...process.env, ROLLCALL_URL: house.url, ROLLCALL_TOKEN: token };
  return new Promise((resolve) => {
    execFile(bin, ["--tenant", tenant, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}
