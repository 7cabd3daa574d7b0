import { Command } from "commander";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";

type Alert = {
  readonly id: string;
  readonly kind: string;
  readonly key: string | null;
  readonly subjectId: string | null;
  readonly level: 1 | 2;
  readonly detail: unknown;
  readonly raisedAt: string;
  readonly acknowledgedAt: string | null;
  readonly acknowledgedBy: string | null;
  readonly note: string | null;
  readonly resolvedAt: string | null;
};

/** `rollcall alert list|show|acknowledge` */
export function alertCommand(): Command {
  const alert = new Command("alert").description("what needs a person");
  alert
    .command("list")
    .description("those that are open, the newest first")
    .option("--all", "also those that are over")
    .option("--after <id>", "older than this alert")
    .action((options: { readonly all?: true; readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const query = { state: options.all === true ? "all" : "open", after: options.after, limit: 200 };
        const answer = await api.get<{ readonly items: readonly Alert[] }>(`${await tenantPath()}/alerts`, query);
        print(answer, () => table(columns, answer.items.map(rowOf)));
      }),
    );
  alert
    .command("show <id>")
    .description("one of them, with its figures")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const found = await api.get<Alert>(pathOf(await tenantPath(), id));
        print(found, () => shown(found));
      }),
    );
  alert
    .command("acknowledge <id...>")
    .description("say that you have seen them: nobody is told again while they stay as bad as they are")
    .option("--note <text>", "what you make of it; name no person")
    .action((ids: readonly string[], options: { readonly note?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = await tenantPath();
        const acknowledged: Alert[] = [];
        for (const id of ids) acknowledged.push(await api.post(`${pathOf(path, id)}/acknowledge`, options));
        print(acknowledged, () => table(columns, acknowledged.map(rowOf)));
      }),
    );
  return alert;
}

const columns = ["alert", "kind", "about", "level", "state", "since"];

function rowOf(alert: Alert) {
  return [alert.id, alert.kind, alert.key ?? alert.subjectId, alert.level, stateOf(alert), alert.raisedAt];
}

function stateOf({ resolvedAt, acknowledgedAt }: Alert): string {
  if (resolvedAt !== null) return "over";
  return acknowledgedAt === null ? "open" : "seen";
}

function pathOf(tenantPath: string, id: string): string {
  return `${tenantPath}/alerts/${encodeURIComponent(id)}`;
}

function shown(alert: Alert): string {
  return fields({
    alert: alert.id,
    kind: alert.kind,
    about: alert.key ?? alert.subjectId,
    level: alert.level,
    state: stateOf(alert),
    since: alert.raisedAt,
    seen: alert.acknowledgedAt,
    by: alert.acknowledgedBy,
    note: alert.note,
    over: alert.resolvedAt,
    detail: JSON.stringify(alert.detail),
  });
}
