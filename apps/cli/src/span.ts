import { type Command, Option } from "commander";
import { CommandError } from "./admin-api.ts";
import { exitCodes } from "./exit-codes.ts";

export type SpanOptions = { readonly since?: string; readonly from?: string; readonly to?: string };

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Adds the options by which a command is told a span of time. */
export function spanOptions(command: Command, what: string): Command {
  return command
    .addOption(new Option("--since <duration>", `${what} since so long ago: 30m, 2h, 1d`).conflicts(["from", "to"]))
    .option("--from <time>", `${what} from this time on, as in 2026-11-22T12:00:00Z`)
    .option("--to <time>", "up to this time; now unless given");
}

/** The span that the options name; undefined where they name none. */
export function readSpan(
  { since, from, to }: SpanOptions,
  nowMs: number,
): { readonly from: string; readonly to?: string } | undefined {
  if (since !== undefined) return { from: new Date(nowMs - durationMs(since)).toISOString() };
  if (from === undefined && to !== undefined) throw invalid("--to needs --from");
  if (from === undefined) return undefined;
  return { from: momentOf(from), ...(to === undefined ? {} : { to: momentOf(to) }) };
}

function durationMs(given: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(given) ?? [];
  if (count === undefined || unit === undefined) throw invalid("--since takes a number and s, m, h or d, as in 30m");
  return Number(count) * units[unit as keyof typeof units];
}

function momentOf(given: string): string {
  const at = new Date(given);
  if (Number.isNaN(at.getTime())) throw invalid(`${given} is no time that can be read; write 2026-11-22T12:00:00Z`);
  return at.toISOString();
}

function invalid(detail: string): CommandError {
  return new CommandError(exitCodes.usage, "time_invalid", detail);
}
