import { setTimeout as delay } from "node:timers/promises";
import { until } from "../harness/until.ts";
import type { CutSide } from "./commit-watch.ts";
import { type Fault, hold, nowMs, pick, type Scene } from "./fault.ts";
import type { Member } from "./processes.ts";
import type { Link, Weather } from "./proxy.ts";

const members: readonly Member[] = ["ingest", "worker", "reconciler", "feed"];

// On a machine that hardly works there are few commits to cut.
const cutMsMax = 60_000;

/** What happens on the way from the roles to PostgreSQL and Redis. */
export const networkFaults: readonly Fault[] = [
  weatherOf("latency", { latencyMs: 20, jitterMs: 60 }, 1_500, 20_000),
  weatherOf("slow", { bytesPerSec: 40_000 }, 1_500, 20_000),
  weatherOf("blackhole", { swallows: true }, 1_500, 15_000),
  { name: "reset", happen: resetAll },
  { name: "cut-before-commit", happen: (scene) => cutCommits(scene, "before") },
  { name: "cut-after-commit", happen: (scene) => cutCommits(scene, "after") },
];

/** The links of one role, or those of all roles to one store. */
function chooseLinks({ parts, random }: Scene): readonly Link[] {
  const of = (member: Member): readonly Link[] => [parts.links[member].postgres, parts.links[member].redis];
  const whole = members.flatMap(of);
  return pick(random, [
    ...members.map(of),
    whole.filter((_, at) => at % 2 === 0),
    whole.filter((_, at) => at % 2 === 1),
    whole,
  ]);
}

function weatherOf(name: string, weather: Weather, shortMs: number, longMs: number): Fault {
  return {
    name,
    happen: async (scene) => {
      const links = chooseLinks(scene);
      for (const link of links) link.change(weather);
      await hold(scene, shortMs, longMs);
      for (const link of links) link.change({});
      return nowMs();
    },
  };
}

async function resetAll(scene: Scene): Promise<number> {
  const links = chooseLinks(scene);
  for (let times = scene.long ? 40 : 8; times > 0; times -= 1) {
    for (const link of links) link.reset();
    await delay(scene.random() * 200);
  }
  return nowMs();
}

/** Some commits of all roles are lost on the way there, or answered to nobody. */
async function cutCommits(scene: Scene, side: CutSide): Promise<number> {
  const { links } = scene.parts;
  const before = countCuts(scene);
  for (const member of members) links[member].commits.arm(side, 0.1);
  await hold(scene, 700, 10_000);
  await until("some commits were cut", () => countCuts(scene) > before + 2, cutMsMax);
  for (const member of members) links[member].commits.disarm();
  return nowMs();
}

function countCuts({ parts }: Scene): number {
  return members.reduce((sum, member) => sum + parts.links[member].commits.count(), 0);
}
