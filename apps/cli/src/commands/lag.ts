import { Command } from "commander";
import { withSession } from "../session.ts";
import { fields, milliseconds, table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type Stage = { readonly count: number; readonly p50Ms?: number; readonly p99Ms?: number; readonly maxMs?: number };
type Lag = {
  readonly windowSec: number;
  readonly stages: Readonly<Record<string, Stage>>;
  readonly occurredUnknown: number;
  readonly backlog: {
    readonly waiting: number;
    readonly waitingDenials: number;
    readonly oldestWaitingMs?: number;
    readonly deadLetters: number;
    readonly pendingPublication: number;
  };
};

const stageNames: Readonly<Record<string, string>> = {
  occurredToAccepted: "occurred → accepted",
  acceptedToApplied: "accepted → applied",
  appliedToPublished: "applied → published",
  publishedToEnforced: "published → enforced",
};

/** `rollcall lag` */
export function lagCommand(): Command {
  return new Command("lag")
    .description("how long each stage took, from stored timestamps, and what waits")
    .option("--window <seconds>", "how far to look back (3600)", wholeNumber)
    .option("--connection <connection>", "one connection's events alone")
    .action((options: { readonly window?: number; readonly connection?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const lag = await api.get<Lag>(`${await tenantPath()}/lag`, {
          windowSec: options.window,
          connection: options.connection,
        });
        print(lag, () => shown(lag));
      }),
    );
}

function shown({ windowSec, stages, occurredUnknown, backlog }: Lag): string {
  const rows = Object.entries(stages).map(([name, { count, p50Ms, p99Ms, maxMs }]) => [
    stageNames[name] ?? name,
    count,
    milliseconds(p50Ms),
    milliseconds(p99Ms),
    milliseconds(maxMs),
  ]);
  const unknown =
    occurredUnknown === 0
      ? ""
      : `\n${occurredUnknown} events do not say when they occurred; they are in no figure of the first stage.`;
  const waiting = fields({
    waiting: `${backlog.waiting} events, ${backlog.waitingDenials} of them denials`,
    oldest: milliseconds(backlog.oldestWaitingMs),
    "to publish": backlog.pendingPublication,
    "dead letters": backlog.deadLetters,
  });
  return `the last ${milliseconds(windowSec * 1_000)}\n${table(["stage", "count", "p50", "p99", "max"], rows)}${unknown}\n\n${waiting}`;
}
