import { setTimeout as delay } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { type Session, withSession } from "../session.ts";
import { fields, table } from "../table.ts";

type Pull = {
  readonly id: string;
  readonly connection: string;
  readonly dryRun: boolean;
  readonly state: string;
  readonly listed: number;
  readonly listedGroups: number;
  readonly complete: boolean;
  readonly found: Readonly<Record<string, number>>;
  readonly settled: number;
  readonly reason: string | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
};
type Difference = {
  readonly kind: string;
  readonly name: string;
  readonly subjectId: string | null;
  readonly outcome: string | null;
};
type Page<Item> = { readonly items: readonly Item[]; readonly next?: string };
type Plan = { readonly every?: number; readonly share?: number; readonly count?: number; readonly off?: boolean };

const pollMs = 200;

/** `rollcall pull start|show|list|differences|release|cancel|schedule` */
export function pullCommand(): Command {
  const pull = new Command("pull").description("list everybody at an identity provider, and take over what differs");
  addStart(pull);
  addReads(pull);
  addActs(pull);
  addSchedule(pull);
  return pull;
}

function addStart(pull: Command): void {
  pull
    .command("start <connection>")
    .description("list everybody now, and wait until it has ended or was stopped")
    .option("--dry-run", "only say what differs")
    .action((connection: string, options: { readonly dryRun?: boolean }, command: Command) =>
      withSession(command, async (session) => {
        const path = `${await session.tenantPath()}/connections/${encodeURIComponent(connection)}/pulls`;
        const { id } = await session.api.post<Pull>(path, { dryRun: options.dryRun === true });
        return followed(session, id);
      }),
    );
}

function addReads(pull: Command): void {
  pull
    .command("show <id>")
    .description("how far a listing has come, and what it found")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const found = await session.api.get<Pull>(await pathOf(session, id));
        session.print(found, () => shown(found));
      }),
    );
  pull
    .command("list")
    .description("the listings, the newest first")
    .option("--connection <connection>", "of this connection alone")
    .action((options: { readonly connection?: string }, command: Command) =>
      withSession(command, async ({ api, tenantPath, print }) => {
        const page = await api.get<Page<Pull>>(`${await tenantPath()}/pulls`, { connection: options.connection });
        const rows = page.items.map((one) => [
          one.id,
          one.connection,
          one.state,
          one.listed,
          one.startedAt,
          one.reason,
        ]);
        print(page, () =>
          table(["id", "connection", "state", "listed", "began", "why"], rows, "nobody was listed yet"),
        );
      }),
    );
  pull
    .command("differences <id>")
    .description("what a listing says otherwise than the directory")
    .option("--kind <kind>", "of this kind alone, as in gone or shut_out")
    .option("--after <id>", "what the page before named as next")
    .action((id: string, options: { readonly kind?: string; readonly after?: string }, command: Command) =>
      withSession(command, async (session) => {
        const path = `${await pathOf(session, id)}/differences`;
        const page = await session.api.get<Page<Difference>>(path, { kind: options.kind, after: options.after });
        const rows = page.items.map((one) => [one.kind, one.name, one.subjectId, one.outcome]);
        const more = page.next === undefined ? "" : `\nmore: --after ${page.next}`;
        session.print(page, () => `${table(["kind", "who", "id", "came of it"], rows, "nothing differs")}${more}`);
      }),
    );
}

function addActs(pull: Command): void {
  pull
    .command("release <id>")
    .description("let a listing go on that was stopped because it would change so much")
    .requiredOption("--note <text>", "why it is right")
    .action((id: string, { note }: { readonly note: string }, command: Command) =>
      withSession(command, async (session) => {
        await session.api.post<Pull>(`${await pathOf(session, id)}/release`, { note });
        return followed(session, id);
      }),
    );
  pull
    .command("cancel <id>")
    .description("end a listing where it is")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const cancelled = await session.api.post<Pull>(`${await pathOf(session, id)}/cancel`, {});
        session.print(cancelled, () => shown(cancelled));
      }),
    );
}

function addSchedule(pull: Command): void {
  pull
    .command("schedule <connection>")
    .description("say how often everybody is listed, and what may change before a person is asked")
    .option("--every <seconds>", "how often, 60 at least", wholeNumber)
    .option("--share <share>", "so much of those who may enter may be shut out at once (0.05)", share)
    .option("--count <count>", "so many may, whatever share they are (20)", wholeNumber)
    .option("--off", "list nobody unasked")
    .action((connection: string, { every, share: brakeShare, count: brakeCount, off }: Plan, command: Command) => {
      if (off !== true && every === undefined) command.error("error: give --every <seconds>, or --off");
      return withSession(command, async (session) => {
        const path = `${await session.tenantPath()}/connections/${encodeURIComponent(connection)}`;
        const plan = off === true ? null : { everySec: every, brakeShare, brakeCount };
        const set = await session.api.patch<{ readonly connection: object }>(path, { pull: plan });
        session.print(set.connection, () =>
          off === true ? `${connection} is listed when somebody asks` : `${connection} is listed every ${every} s`,
        );
      });
    });
}

function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("must be a whole number");
  return Number(value);
}

function share(value: string): number {
  const read = Number(value);
  if (value.trim() === "" || !(read >= 0 && read <= 1)) throw new InvalidArgumentError("must be between 0 and 1");
  return read;
}

async function pathOf({ tenantPath }: Session, id: string): Promise<string> {
  return `${await tenantPath()}/pulls/${encodeURIComponent(id)}`;
}

/** Waits until it has ended or waits for a person; only what was carried out, or tried to its end, is done. */
async function followed(session: Session, id: string): Promise<ExitCode> {
  const path = await pathOf(session, id);
  for (;;) {
    const found = await session.api.get<Pull>(path);
    if (found.finishedAt !== null || found.state === "braked") {
      session.print(found, () => shown(found));
      return found.state === "finished" ? exitCodes.done : exitCodes.refused;
    }
    await delay(pollMs);
  }
}

function shown(pull: Pull): string {
  const kinds = Object.entries(pull.found).map(([kind, count]) => `${kind} ${count}`);
  const next =
    pull.state === "braked"
      ? `\n\nLook: rollcall pull differences ${pull.id}\nThen: rollcall pull release ${pull.id} --note …, or cancel`
      : "";
  return `${fields({
    id: pull.id,
    connection: pull.connection,
    state: pull.dryRun ? `${pull.state} (dry run)` : pull.state,
    users: pull.listed,
    groups: pull.listedGroups,
    whole: pull.complete,
    found: kinds.length === 0 ? "nothing that differs" : kinds.join(", "),
    settled: pull.settled,
    why: pull.reason,
  })}${next}`;
}
