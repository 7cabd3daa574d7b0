import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { expect, test } from "vitest";
import { openHouse, quietLog } from "../harness/house.ts";
import { createPerson, otherIssuer, type Person } from "../harness/linked-person.ts";

const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId, attemptsMax: 1 });
const bin = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

async function commandsOf({ tenant }: Person): Promise<(...args: readonly string[]) => Promise<Ran>> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
  // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
  const env = { ...process.env, ROLLCALL_URL: house.url, ROLLCALL_TOKEN: token };
  return (...args) =>
    new Promise((resolve) => {
      execFile(bin, ["--tenant", tenant.slug, ...args], { env }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
      });
    });
}

// Each command is a process of its own, which takes its time on a machine with other work.
test("people are linked, shown and unlinked by name, and subjects given and taken", async () => {
  const one = await createPerson(house, drain);
  const rollcall = await commandsOf(one);
  expect(await rollcall("user", "link", "ann", "ann.b", "--note", "merged")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`${one.addedId} is user ${one.userId} from now on`) as string,
  });
  expect((await rollcall("user", "link", "ann", one.addedId)).stdout).toContain("already");
  expect(await rollcall("user", "link", one.addedId, "ann")).toMatchObject({ code: 1 });
  await one.settle();
  const subject = ["--iss", otherIssuer, "--sub", "agent-7"];
  expect(await rollcall("user", "identity", "add", "ann", ...subject)).toMatchObject({ code: 0, stderr: "" });
  const { stdout } = await rollcall("user", "show", "ann");
  for (const shown of ["ann.b", "agent-7", one.addedId]) expect(stdout).toContain(shown);
  expect(await rollcall("user", "identity", "remove", "ann", ...subject)).toMatchObject({ code: 0, stderr: "" });
  expect(await rollcall("user", "identity", "remove", "ann", ...subject)).toMatchObject({ code: 1 });
  expect(await rollcall("user", "unlink", "ann", one.addedId)).toMatchObject({ code: 0, stderr: "" });
  expect(await rollcall("user", "unlink", "ann", one.addedId)).toMatchObject({ code: 1 });
  await one.settle();
  expect((await one.userOf(one.addedId))?.identities).toContain("ann.b");
}, 180_000);

test("dead letters are listed, shown, dropped with a reason, and replayed", async () => {
  const one = await createPerson(house, drain, { issuer: "same", sub: "ann" });
  const rollcall = await commandsOf(one);
  const [dead] = await house.database.once<{ id: number }>(
    one.tenant.id,
    sql`SELECT id FROM lifecycle_event WHERE dead_at IS NOT NULL`,
  );
  const event = String(dead?.id);
  expect((await rollcall("deadletter", "list")).stdout).toMatch(new RegExp(`^${event} +user\\.created .* open `, "m"));
  expect((await rollcall("deadletter", "show", event)).stdout).toContain("IdentityTaken");
  expect(await rollcall("deadletter", "drop", event)).toMatchObject({ code: 2 });
  expect(await rollcall("deadletter", "drop", event, "--reason", "a test account")).toMatchObject({ code: 0 });
  expect((await rollcall("deadletter", "list")).stdout.trim()).toBe("none");
  await one.link();
  expect(await rollcall("deadletter", "replay", event)).toMatchObject({
    code: 0,
    stdout: `event ${event} waits for a worker\n`,
  });
  await one.settle();
  expect((await rollcall("deadletter", "replay", event)).stdout).toBe(`event ${event} is applied\n`);
  expect(await rollcall("deadletter", "replay", "1")).toMatchObject({ code: 1 });
}, 180_000);
