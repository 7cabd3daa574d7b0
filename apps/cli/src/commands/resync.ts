import { Command } from "commander";
import { countsOf, differenceTable, followRun, type Page, type Resync, type Shown, standingOf } from "../drift-view.ts";
import type { ExitCode } from "../exit-codes.ts";
import { findUser } from "../find-user.ts";
import { type Session, withSession } from "../session.ts";
import { fields, table } from "../table.ts";

type How = { readonly dryRun?: true; readonly differingOnly?: true };

/** `rollcall resync user|group|connection|tenant|list|show|differences|apply|cancel` */
export function resyncCommand(): Command {
  const resync = new Command("resync").description(
    "bring the user store to what the directory says, again, and wait until it is done",
  );
  starting(
    resync.command("user").argument("<user>", "its id, userName, externalId or subject").description("one user"),
  ).action((named: string, how: How, command: Command) =>
    withSession(command, async (session) =>
      start(session, { scope: "user", userId: await findUser(session, named) }, how),
    ),
  );
  starting(
    resync.command("group <group>").description("a group by its id, the groups in it, and everybody who is in them"),
  ).action((groupId: string, how: How, command: Command) =>
    withSession(command, (session) => start(session, { scope: "group", groupId }, how)),
  );
  starting(resync.command("connection <connection>").description("all users and groups of a connection")).action(
    (connection: string, how: How, command: Command) =>
      withSession(command, (session) => start(session, { scope: "connection", connection }, how)),
  );
  starting(resync.command("tenant").description("all users and groups of the tenant")).action(
    (how: How, command: Command) => withSession(command, (session) => start(session, { scope: "tenant" }, how)),
  );
  addReading(resync);
  addChanging(resync);
  return resync;
}

function starting(command: Command): Command {
  return command
    .option("--dry-run", "only look, and change nothing")
    .option("--differing-only", "only those who differ, and not everybody");
}

function addReading(resync: Command): void {
  resync
    .command("list")
    .description("the newest first")
    .option("--after <id>", "older than this one")
    .action((options: { readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<Page<Resync>>(`${await tenantPath()}/resyncs`, { ...options, limit: 200 });
        print(answer, () =>
          table(["resync", "scope", "by", "heals", "state", "found", "healed", "started"], answer.items.map(rowOf)),
        );
      }),
    );
  resync
    .command("show <resync>")
    .description("how far one has come; exit code 1 where something still differs")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const run = await api.get<Resync>(pathOf(await tenantPath(), id));
        print(run, () => shown(run));
        return standingOf(run);
      }),
    );
  resync
    .command("differences <resync>")
    .description("what one has found, with both sides of it")
    .option("--kind <kind>", "only of this kind, as wrong_state")
    .option("--after <place>", "what the page before answered as next")
    .action((id: string, options: { readonly kind?: string; readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${pathOf(await tenantPath(), id)}/differences`;
        const answer = await api.get<Page<Shown>>(path, { ...options, limit: 200 });
        print(answer, () => differenceTable(answer));
      }),
    );
}

function addChanging(resync: Command): void {
  resync
    .command("apply <resync>")
    .description("heal what a finished dry run has found, where it still differs")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const run = await session.api.post<Resync>(`${pathOf(await session.tenantPath(), id)}/apply`);
        return finish(session, run.id);
      }),
    );
  resync
    .command("cancel <resync>")
    .description("end one before its next step; what it has written is applied all the same")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const run = await api.post<Resync>(`${pathOf(await tenantPath(), id)}/cancel`);
        print(run, () => `resync ${run.id} is ${run.state}`);
      }),
    );
}

async function start(session: Session, scope: object, how: How): Promise<ExitCode> {
  const { id } = await session.api.post<Resync>(`${await session.tenantPath()}/resyncs`, { ...scope, ...how });
  return finish(session, id);
}

async function finish(session: Session, id: string): Promise<ExitCode> {
  const run = await followRun(session, id);
  session.print(run, () => `resync ${run.id} is ${run.state}: ${told(run)}`);
  return standingOf(run);
}

function told(run: Resync): string {
  const found = countsOf(run.found) || "nothing differs";
  const failed = run.dead === 0 ? "" : `, ${run.dead} given up: rollcall deadletter list`;
  if (run.heals === "none") {
    const hint =
      run.found === undefined || countsOf(run.found) === "" ? "" : `; rollcall resync apply ${run.id} heals it`;
    return `${run.compared} compared, ${found}${hint}`;
  }
  return `${run.compared} compared, ${found}, ${run.healed} healed, ${run.applied} of ${run.enqueued} applied${failed}`;
}

function shown(run: Resync): string {
  return fields({
    resync: run.id,
    scope: run.scope,
    by: run.cause,
    heals: run.heals,
    state: run.state,
    compared: `${run.compared} of ${run.total}`,
    behind: run.waiting,
    found: countsOf(run.found),
    healed: run.healed,
    applied: `${run.applied} of ${run.enqueued}`,
    "given up": run.dead,
    started: run.startedAt,
    ended: run.finishedAt,
    "seconds left": run.secondsLeft,
    fault: run.error,
  });
}

function rowOf(run: Resync) {
  return [run.id, run.scope, run.cause, run.heals, run.state, countsOf(run.found), run.healed, run.startedAt];
}

function pathOf(tenantPath: string, id: string): string {
  return `${tenantPath}/resyncs/${encodeURIComponent(id)}`;
}
