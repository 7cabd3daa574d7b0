import { Command } from "commander";
import { chart, type Step } from "../chart.ts";
import { withSession } from "../session.ts";
import { fields, milliseconds, table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type Figures = { readonly count: number; readonly p50Ms?: number; readonly p99Ms?: number; readonly maxMs?: number };
type Stage = Figures & { readonly unknown: number; readonly oldestWaitingMs?: number };
type Lag = {
  readonly windowSec: number;
  readonly asOf?: string;
  readonly stages: Readonly<Record<string, Stage>>;
  readonly occurredUnknown: number;
  readonly backlog: {
    readonly waiting: number;
    readonly waitingDenials: number;
    readonly deadLetters: number;
    readonly pendingPublication: number;
    readonly notYetEnforced: number;
  };
};
type Point = {
  readonly at: string;
  readonly stages: Readonly<Record<string, Figures>>;
  readonly occurredUnknown: number;
  readonly enforcedUnknown: number;
};
type History = { readonly stepSec: number; readonly points: readonly Point[] };
type Options = { readonly window?: number; readonly connection?: string };

const stageNames: Readonly<Record<string, string>> = {
  occurredToAccepted: "occurred → accepted",
  acceptedToApplied: "accepted → applied",
  appliedToPublished: "applied → published",
  publishedToEnforced: "published → enforced",
};
const windowSecUsual = 3_600;
const chartSteps = 60;

/** `rollcall lag` */
export function lagCommand(): Command {
  return new Command("lag")
    .description("how long each stage took, step by step and in all, and what waits")
    .option("--window <seconds>", "how far to look back (3600)", wholeNumber)
    .option("--connection <connection>", "one connection's events alone")
    .action((options: Options, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const { window: windowSec = windowSecUsual, connection } = options;
        const path = `${await tenantPath()}/lag`;
        const lag = await api.get<Lag>(path, { windowSec, connection });
        const drawnSec = Math.max(60, windowSec);
        const query = { windowSec: drawnSec, stepSec: stepOf(drawnSec), connection };
        const history = await api.get<History>(`${path}/history`, query);
        print({ ...lag, history }, () => shown(lag, history));
      }),
    );
}

/** Steps that are stored for as long as the window reaches back. */
function stepOf(windowSec: number): number {
  const storedSec = windowSec <= 2 * 86_400 ? 60 : windowSec <= 15 * 86_400 ? 900 : 7_200;
  return Math.ceil(windowSec / chartSteps / storedSec) * storedSec;
}

function shown(lag: Lag, history: History): string {
  const rows = Object.entries(lag.stages).map(([name, stage]) => [
    stageNames[name] ?? name,
    stage.count,
    milliseconds(stage.p50Ms),
    milliseconds(stage.p99Ms),
    milliseconds(stage.maxMs),
    stage.unknown,
    milliseconds(stage.oldestWaitingMs),
  ]);
  const figures = table(["stage", "count", "p50", "p99", "max", "unknown", "oldest waiting"], rows);
  const { backlog } = lag;
  const waiting = fields({
    waiting: `${backlog.waiting} events, ${backlog.waitingDenials} of them denials`,
    "to publish": backlog.pendingPublication,
    "to enforce": backlog.notYetEnforced,
    "dead letters": backlog.deadLetters,
    "complete to": lag.asOf,
  });
  return `the last ${milliseconds(lag.windowSec * 1_000)}\n${figures}\n\n${charts(history)}\n\n${waiting}`;
}

function charts({ stepSec, points }: History): string {
  const rows = Object.keys(stageNames).map((stage) => {
    const steps = points.map((point) => stepIn(point, stage));
    const highest = Math.max(0, ...steps.filter((step) => typeof step === "number"));
    return [stageNames[stage], chart(steps, highest), highest === 0 ? "" : milliseconds(highest)];
  });
  const legend = "· nothing passed   ? it is not known how long it took";
  return `p99 of every ${milliseconds(stepSec * 1_000)}\n${table(["stage", "", "highest"], rows)}\n${legend}`;
}

function stepIn({ stages, occurredUnknown, enforcedUnknown }: Point, stage: string): Step {
  const p99Ms = stages[stage]?.p99Ms;
  if (p99Ms !== undefined) return p99Ms;
  const unknown = { occurredToAccepted: occurredUnknown, publishedToEnforced: enforcedUnknown }[stage] ?? 0;
  return unknown > 0 ? "unknown" : "nothing";
}
