import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { createDriftScene } from "../harness/drift-scene.ts";
import { openHouse } from "../harness/house.ts";

const bin = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));
const house = await openHouse();

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

test(
  "from the command line drift is shown, listed, looked for, healed and applied, with exit codes for scripts",
  { timeout: 240_000 },
  async () => {
    const scene = await createDriftScene(house);
    const { token } = await house.credentials.issue({ purpose: "admin", tenantId: scene.tenant.id, label: "story" });
    const rollcall = (...args: readonly string[]): Promise<Ran> => {
      // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
      const env = { ...process.env, ROLLCALL_URL: house.url, ROLLCALL_TOKEN: token };
      return new Promise((resolve) => {
        execFile(bin, ["--tenant", scene.tenant.slug, ...args], { env }, (error, stdout, stderr) => {
          resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
        });
      });
    };

    await scene.byHand(sql`DELETE FROM denial WHERE user_id = ${scene.ids.eve}`);
    await scene.byHand(sql`UPDATE app_user SET display_name = 'X' WHERE id = ${scene.ids.ann}`);
    const looked = await rollcall("drift", "compare");
    expect(looked).toMatchObject({ code: 1, stdout: "4 compared: 1 wrong_state, 1 stale_attribute\n" });
    // Where nobody draws, progress is told in lines.
    expect(looked.stderr).toContain("100 % 4/4");
    expect(await rollcall("drift", "show")).toMatchObject({ code: 1 });
    const denials = (await rollcall("drift", "list", "--kind", "wrong_state")).stdout;
    expect([denials.includes("eve@example.test"), denials.includes("ann@example.test")]).toEqual([true, false]);

    const dry = JSON.parse((await rollcall("--json", "resync", "tenant", "--dry-run")).stdout) as Record<
      string,
      unknown
    >;
    const dryId = dry["id"] as string;
    expect(dry).toMatchObject({ dryRun: true, found: { wrong_state: 1, stale_attribute: 1 }, enqueued: 0 });
    expect((await rollcall("resync", "differences", dryId)).stdout).toContain('{"denials":["idp_inactive"]}');
    expect(await rollcall("resync", "apply", dryId)).toMatchObject({ code: 0 });
    expect(await rollcall("drift", "compare", "--heal")).toMatchObject({
      code: 0,
      stdout: "4 compared: nothing differs, 0 healed\n",
    });
    expect((await rollcall("resync", "list")).stdout).toContain(dryId);
  },
);
