import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { createProgressBar, type ProgressBar } from "./progress.ts";
import type { Session } from "./session.ts";
import { table } from "./table.ts";

export type Page<Item> = { readonly items: readonly Item[]; readonly next?: string };

export type Resync = {
  readonly id: string;
  readonly scope: string;
  readonly cause: string;
  readonly heals: "none" | "differing" | "all";
  readonly state: string;
  readonly total: number;
  readonly compared: number;
  readonly waiting: number;
  readonly found: Readonly<Record<string, number>>;
  readonly enqueued: number;
  readonly applied: number;
  readonly dead: number;
  readonly healed: number;
  readonly error?: string;
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly secondsLeft?: number;
};

export type Shown = {
  readonly kind: string;
  readonly subjectKind: string;
  readonly subjectId: string;
  readonly name?: string;
  readonly connection?: string;
  readonly directory: unknown;
  readonly userStore: unknown;
  readonly foundAt: string;
  readonly healedAt?: string;
};

const pollMs = 200;
const silent: ProgressBar = { update: () => undefined, end: () => undefined };
const textMax = 60;

/** Shows how far a run comes, until it has ended. */
export async function followRun(session: Session, id: string): Promise<Resync> {
  const path = `${await session.tenantPath()}/resyncs/${encodeURIComponent(id)}`;
  const bar = session.isJson ? silent : createProgressBar(process.stderr, () => performance.now());
  for (;;) {
    const run = await session.api.get<Resync>(path);
    bar.update(progressOf(run));
    if (run.finishedAt !== undefined) {
      bar.end();
      return run;
    }
    await delay(pollMs);
  }
}

/** Comparing and applying count alike, where both are done. */
function progressOf(run: Resync): { readonly done: number; readonly total: number; readonly note: string } {
  const applying = run.heals === "all" ? run.total : run.enqueued;
  const notes = [
    countsOf(run.found),
    run.dead === 0 ? "" : `${run.dead} given up`,
    run.secondsLeft === undefined ? "" : `${run.secondsLeft} s left`,
  ];
  return {
    done: Math.min(run.compared, run.total) + Math.min(run.applied + run.dead, applying),
    total: run.total + applying,
    note: notes.filter((note) => note !== "").join(", "),
  };
}

/** `2 missing, 1 wrong_state`; empty where there is nothing. */
export function countsOf(found: Readonly<Record<string, number>>): string {
  return Object.entries(found)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");
}

/** Refused where it did not come to its end, or where something it was to heal still differs; in a dry run, where anything does. */
export function standingOf(run: Resync): ExitCode {
  const found = Object.values(run.found).reduce((sum, count) => sum + count, 0);
  const isWell = run.state !== "failed" && run.state !== "cancelled" && run.dead === 0 && found <= run.healed;
  return isWell ? exitCodes.done : exitCodes.refused;
}

/** The differences of a page; the JSON has both sides in full. */
export function differenceTable({ items, next }: Page<Shown>): string {
  const rows = items.map((one) => [
    one.kind,
    one.subjectKind,
    one.name ?? one.subjectId,
    one.connection,
    short(one.directory),
    short(one.userStore),
    one.healedAt,
  ]);
  const text = table(["kind", "of", "name", "connection", "directory", "user store", "healed"], rows);
  return next === undefined ? text : `${text}\nmore: --after ${next}`;
}

function short(side: unknown): string {
  const text = side === null || side === undefined ? "" : JSON.stringify(side);
  return text.length > textMax ? `${text.slice(0, textMax - 1)}…` : text;
}
