import { Command } from "commander";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";

type DeadLetter = {
  readonly id: number;
  readonly kind: string;
  readonly subjectId: string;
  readonly denying: boolean;
  readonly attempts: number;
  readonly reason: string | null;
  readonly acceptedAt: string;
  readonly deadAt: string;
  readonly state: "open" | "superseded" | "dropped";
};
type Shown = DeadLetter & {
  readonly connectionId: string;
  readonly source: string;
  readonly denials: readonly string[];
};
type Replayed = { readonly id: number; readonly state: "waiting" | "applied"; readonly changed: boolean };

/** `rollcall deadletter list|show|replay|drop` */
export function deadletterCommand(): Command {
  const deadletter = new Command("deadletter").description("events that could not be applied and were given up");
  deadletter
    .command("list")
    .description("the newest first, each with its reason, but for those that were dropped")
    .option("--after <id>", "older than this event")
    .action((options: { readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly DeadLetter[] }>(`${await tenantPath()}/deadletters`, {
          ...options,
          limit: 200,
        });
        print(answer, () => table(columns, answer.items.map(rowOf)));
      }),
    );
  deadletter
    .command("show <event>")
    .description("one of them, and what stands against its subject")
    .action((event: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const letter = await api.get<Shown>(pathOf(await tenantPath(), event));
        print(letter, () => shown(letter));
      }),
    );
  deadletter
    .command("replay <event...>")
    .description("try events again, once what was wrong with them is mended")
    .option("--note <text>", "why, for the audit; name no person")
    .action((events: readonly string[], options: { readonly note?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = await tenantPath();
        const replayed: Replayed[] = [];
        for (const event of events) replayed.push(await api.post(`${pathOf(path, event)}/replay`, options));
        print(replayed, () => replayed.map(({ id, state }) => `event ${id} ${said[state]}`).join("\n"));
      }),
    );
  deadletter
    .command("drop <event>")
    .description("never try it again; whoever it denied by failing stays denied")
    .requiredOption("--reason <text>", "why, for the audit; name no person")
    .option("--denial", "also an event that may take access away")
    .action((event: string, options: { readonly reason: string; readonly denial?: true }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        await api.post(`${pathOf(await tenantPath(), event)}/drop`, options);
        print({ id: Number(event), state: "dropped" }, () => `event ${event} is dropped`);
      }),
    );
  return deadletter;
}

const said = { waiting: "waits for a worker", applied: "is applied" } as const;
const columns = ["event", "kind", "subject", "tries", "state", "reason", "given up"];

function rowOf({ id, kind, subjectId, attempts, state, reason, deadAt }: DeadLetter) {
  return [id, kind, subjectId, attempts, state, reason, deadAt];
}

function pathOf(tenantPath: string, event: string): string {
  return `${tenantPath}/deadletters/${encodeURIComponent(event)}`;
}

function shown(letter: Shown): string {
  return fields({
    event: letter.id,
    kind: letter.kind,
    from: letter.source,
    connection: letter.connectionId,
    subject: letter.subjectId,
    "takes access": letter.denying,
    state: letter.state,
    tries: letter.attempts,
    reason: letter.reason,
    accepted: letter.acceptedAt,
    "given up": letter.deadAt,
    "subject denied": letter.denials.join(", "),
  });
}
