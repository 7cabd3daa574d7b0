import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findUser } from "../find-user.ts";
import { createProgressBar, type ProgressBar } from "../progress.ts";
import { type Session, withSession } from "../session.ts";

type Progress = {
  readonly id: string;
  readonly total: number;
  readonly enqueued: number;
  readonly applied: number;
  readonly dead: number;
  readonly finishedAt?: string;
};

const pollMs = 100;
const silent: ProgressBar = { update: () => undefined, end: () => undefined };

/** `rollcall resync user|connection|tenant` */
export function resyncCommand(): Command {
  const resync = new Command("resync").description(
    "bring the user store to what the directory says, again, and wait until it is done",
  );
  resync
    .command("user")
    .argument("<user>", "its id, userName, externalId or subject")
    .description("one user")
    .action((named: string, _options: object, command: Command) =>
      withSession(command, async (session) => run(session, { scope: "user", userId: await findUser(session, named) })),
    );
  resync
    .command("connection <connection>")
    .description("all users and groups of a connection")
    .action((connection: string, _options: object, command: Command) =>
      withSession(command, (session) => run(session, { scope: "connection", connection })),
    );
  resync
    .command("tenant")
    .description("all users and groups of the tenant")
    .action((_options: object, command: Command) =>
      withSession(command, (session) => run(session, { scope: "tenant" })),
    );
  return resync;
}

async function run(session: Session, body: object): Promise<ExitCode> {
  const path = `${await session.tenantPath()}/resyncs`;
  const { id } = await session.api.post<{ readonly id: string }>(path, body);
  const bar = session.isJson ? silent : createProgressBar(process.stderr, () => performance.now());
  const progress = await follow(session, `${path}/${id}`, bar);
  bar.end();
  const failed = progress.dead === 0 ? "" : `, ${progress.dead} given up: rollcall deadletter list`;
  session.print(progress, () => `resync ${id}: ${progress.applied} of ${progress.total} applied${failed}`);
  return progress.dead === 0 ? exitCodes.done : exitCodes.refused;
}

async function follow(session: Session, path: string, bar: ProgressBar): Promise<Progress> {
  for (;;) {
    const askedAtMs = performance.now();
    const progress = await session.api.get<Progress>(path);
    bar.update({
      done: progress.applied + progress.dead,
      total: progress.total,
      note: progress.dead === 0 ? "" : `${progress.dead} given up`,
    });
    if (progress.finishedAt !== undefined) return progress;
    // Counting a large run costs the service something, so the asking takes a small share of its time.
    await delay(Math.max(pollMs, 4 * (performance.now() - askedAtMs)));
  }
}
