import { Command, InvalidArgumentError } from "commander";
import { exitCodes } from "../exit-codes.ts";
import { withSession } from "../session.ts";
import { milliseconds, table } from "../table.ts";

type Timing = { readonly step: string; readonly ms: number; readonly ok: boolean };
type Canary = {
  readonly connection: string;
  readonly everySec: number | null;
  readonly last: {
    readonly finishedAt: string;
    readonly failedStep: string | null;
    readonly steps: readonly Timing[];
  } | null;
};
type Plan = { readonly every: number; readonly deadline?: number };

/** `rollcall canary start|stop|list` */
export function canaryCommand(): Command {
  const canary = new Command("canary").description("try a connection's whole way on schedule, with a user of nobody");
  canary
    .command("start <connection>")
    .description("create, let in, deactivate and refuse a user again and again, and tell how long each took")
    .requiredOption("--every <seconds>", "how often, 60 at least", wholeNumber)
    .option("--deadline <milliseconds>", "how long each step may take (30000)", wholeNumber)
    .action((connection: string, { every, deadline }: Plan, command: Command) =>
      withSession(command, async ({ api, tenantPath, print }) => {
        const path = `${await tenantPath()}/connections/${encodeURIComponent(connection)}/canary`;
        const set = await api.post<Canary>(path, { everySec: every, deadlineMs: deadline });
        print(set, () => `the canary of ${connection} flies every ${every} s`);
      }),
    );
  canary
    .command("stop <connection>")
    .description("try it no more")
    .action((connection: string, _options: object, command: Command) =>
      withSession(command, async ({ api, tenantPath, print }) => {
        const path = `${await tenantPath()}/connections/${encodeURIComponent(connection)}/canary`;
        print(await api.post<Canary>(path, { everySec: null }), () => `the canary of ${connection} has stopped`);
      }),
    );
  canary
    .command("list")
    .description("how the last round of each went; fails where one has failed")
    .action((_options: object, command: Command) =>
      withSession(command, async ({ api, tenantPath, print }) => {
        const found = await api.get<{ readonly items: readonly Canary[] }>(`${await tenantPath()}/canaries`);
        print(found, () => shown(found.items));
        const hasFailed = found.items.some(
          ({ everySec, last }) => everySec !== null && last !== null && last.failedStep !== null,
        );
        return hasFailed ? exitCodes.refused : exitCodes.done;
      }),
    );
  return canary;
}

function wholeNumber(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError("must be a whole number");
  return Number(value);
}

function shown(canaries: readonly Canary[]): string {
  const rows = canaries.map(({ connection, everySec, last }) => [
    connection,
    everySec === null ? "off" : `${everySec} s`,
    last?.finishedAt,
    last === null ? undefined : (last.failedStep ?? "well"),
    last?.steps.map(({ step, ms, ok }) => `${step} ${milliseconds(ms)}${ok ? "" : " (missed)"}`).join(", "),
  ]);
  return table(["connection", "every", "last round", "went", "steps"], rows, "no connection has a canary");
}
