import { Command, Option } from "commander";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type Event = {
  readonly id: number;
  readonly connectionId: string;
  readonly source: string;
  readonly kind: string;
  readonly subjectKind: string;
  readonly subjectId: string;
  readonly denying: boolean;
  readonly lane: number;
  readonly state: "waiting" | "applied" | "dead" | "dropped";
  readonly attempts: number;
  readonly lastError: string | null;
  readonly occurredAt: string | null;
  readonly acceptedAt: string;
  readonly nextAttemptAt: string | null;
  readonly appliedAt: string | null;
  readonly deadAt: string | null;
};
type Shown = Event & {
  readonly sourceEventId: string;
  readonly ahead?: number;
  readonly version: number | null;
  readonly appliedVersion: number | null;
};
type Page = { readonly items: readonly Event[]; readonly next?: string };
type Options = {
  readonly connection?: string;
  readonly kind?: string;
  readonly subject?: string;
  readonly state?: string;
  readonly after?: string;
  readonly limit?: number;
};

/** `rollcall event list|show` */
export function eventCommand(): Command {
  const event = new Command("event").description("what was accepted from identity providers, and what became of it");
  event
    .command("list")
    .description("the newest first; with a filter a page may be short and still have more behind it")
    .option("--connection <connection>", "one connection's alone, by slug or id")
    .option("--kind <kind>", "of one kind alone, such as user.deactivated")
    .option("--subject <id>", "of one directory user or group alone")
    .addOption(new Option("--state <state>", "in one state alone (all)").choices(["waiting", "applied", "dead", "all"]))
    .option("--limit <number>", "how many at most, 1 to 200 (50)", wholeNumber)
    .option("--after <cursor>", "what follows a page, by its next")
    .action((query: Options, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const page = await api.get<Page>(`${await tenantPath()}/events`, query);
        print(page, () => listed(page));
      }),
    );
  event
    .command("show <event>")
    .description("one event, how far it is from being applied, and where its subject stands")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const found = await api.get<Shown>(`${await tenantPath()}/events/${encodeURIComponent(id)}`);
        print(found, () => shown(found));
      }),
    );
  return event;
}

function listed({ items, next }: Page): string {
  const rows = items.map((one) => [
    one.id,
    one.kind,
    one.source,
    one.subjectId,
    one.denying,
    one.acceptedAt,
    one.appliedAt ?? one.state,
  ]);
  const columns = ["event", "kind", "from", "subject", "takes access", "accepted", "applied"];
  const more = next === undefined ? "" : `\n\nThere may be more: --after ${next}`;
  return `${table(columns, rows, "nothing was accepted")}${more}`;
}

function shown(event: Shown): string {
  return fields({
    event: event.id,
    kind: event.kind,
    from: event.source,
    "the sender's id": event.sourceEventId,
    connection: event.connectionId,
    subject: `${event.subjectKind} ${event.subjectId}`,
    "takes access": event.denying,
    state: event.state,
    lane: event.lane,
    "before it": event.ahead,
    tries: event.attempts,
    reason: event.lastError,
    occurred: event.occurredAt ?? "not said",
    accepted: event.acceptedAt,
    "tried again": event.nextAttemptAt,
    applied: event.appliedAt,
    "given up": event.deadAt,
    "directory's version": event.version,
    "user store shows": event.appliedVersion,
  });
}
