import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { startLaneWorker } from "@rollcall/core/queue";
import { type House, openHouse } from "../harness/house.ts";
import { mutantSettings } from "../harness/mutants/settings.ts";
import { programPath } from "../harness/parts.ts";
import { until } from "../harness/until.ts";

const backends = ["postgres", "redis"] as const;
const holder = fileURLToPath(new URL("../harness/lane-holder.ts", import.meta.url));
// Above the seven seconds that a killed worker's lock and the next look at such locks take, and far below BullMQ's own minute.
const pickUpMsMax = 15_000;

describe.each(backends.filter((backend) => backend === "postgres" || inject("redisUrl") !== ""))(
  "with the queue on %s",
  async (queue) => {
    // No worker of the house, and so nothing that sweeps up what the queue loses.
    const house = await openHouse({ queue, without: ["worker", "publisher"] });

    // What is sent before there is a connection is lost, and nobody here sweeps.
    beforeAll(async () => {
      const reached: number[] = [];
      const worker = startLaneWorker(
        house.queue,
        async (lane) => void reached.push(lane),
        () => undefined,
      );
      await until("the queue is reached", () => {
        house.waker.wake([31]);
        return reached.includes(31);
      });
      await worker.close();
    });

    test("a lane that is woken while it is being drained is drained again, once", async () => {
      const drained: number[] = [];
      const gate = Promise.withResolvers<void>();
      startDrainer(house, async (lane) => {
        drained.push(lane);
        if (lane === 3 && drained.filter((one) => one === 3).length === 1) await gate.promise;
      });
      house.waker.wake([3]);
      await until("the lane is being drained", () => drained.includes(3));
      // The first of these is sent at once and the others together behind it: once the other lane is drained,
      // the queue has heard of all of them.
      for (const lanes of [[3], [3], [3, 4]]) house.waker.wake(lanes);
      await until("the other lane is drained", () => drained.includes(4));
      expect(drained.filter((lane) => lane === 3)).toHaveLength(1);
      gate.resolve();
      await until("the lane is drained again", () => drained.filter((lane) => lane === 3).length === 2);
      house.waker.wake([9]);
      await until("what was sent last is done", () => drained.includes(9));
      expect(drained.filter((lane) => lane === 3)).toHaveLength(2);
    });

    test(
      "a lane whose workers are killed in the middle of it, one after the other, is drained by the next",
      { timeout: 90_000 },
      async () => {
        house.waker.wake([5]);
        for (let kill = 0; kill < 2; kill += 1) {
          const worker = await startHolder(house);
          await until("the lane is being drained", () => worker.lanes().includes(5), pickUpMsMax);
          await worker.kill();
        }
        const drained: number[] = [];
        startDrainer(house, async (lane) => void drained.push(lane));
        await until("the lane is drained", () => drained.includes(5), pickUpMsMax);
        expect(drained.filter((lane) => lane !== 31)).toEqual([5]);
      },
    );
  },
);

function startDrainer({ queue }: House, drain: (lane: number) => Promise<void>): void {
  const worker = startLaneWorker(queue, drain, () => undefined);
  onTestFinished(() => worker.close());
}

async function startHolder({ queue }: House) {
  const child = spawn(process.execPath, ["--conditions=rollcall-source", holder], {
    env: {
      PATH: programPath,
      DATABASE_URL: queue.databaseUrl,
      ...(queue.redisUrl === undefined ? {} : { REDIS_URL: queue.redisUrl }),
      ...mutantSettings(),
    },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  return {
    lanes: () => said.split("\n").flatMap((line) => (line === "" ? [] : [Number(line)])),
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
