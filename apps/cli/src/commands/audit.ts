import { Command } from "commander";
import { withSession } from "../session.ts";
import { table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type AuditRow = {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly actorName?: string;
  readonly action: string;
  readonly target: string | null;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly detail?: unknown;
};
type Page = { readonly items: readonly AuditRow[]; readonly next?: string };
type Options = {
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly after?: string;
  readonly limit?: number;
  readonly house?: boolean;
};

/** `rollcall audit list` */
export function auditCommand(): Command {
  const audit = new Command("audit").description("who did what, when, and what it was before and after");
  audit
    .command("list")
    .description("what was done in a tenant, the newest first")
    .option("--actor <id>", "by one token or person alone: the token's id, or person: and theirs")
    .option("--action <action>", "of one kind alone, such as connection.update")
    .option("--target <target>", "to one thing alone, by its id")
    .option("--limit <number>", "how many at most, 1 to 200 (50)", wholeNumber)
    .option("--after <id>", "older than this row")
    .option("--house", "what was done above all tenants (operators of the house only)")
    .action(({ house, ...query }: Options, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const page = await api.get<Page>(`${house === true ? "/v1/admin" : await tenantPath()}/audit`, query);
        print(page, () => shown(page));
      }),
    );
  return audit;
}

function shown({ items, next }: Page): string {
  const rows = items.map((row) => [
    row.id,
    row.at,
    row.actorName ?? row.actor,
    row.action,
    row.target,
    [changes(row.before, row.after), text(row.detail)].filter((part) => part !== "").join(" "),
  ]);
  const more = next === undefined ? "" : `\n\nThere is more: --after ${next}`;
  return `${table(["id", "when", "who", "did", "to", "what"], rows, "nothing was done")}${more}`;
}

function changes(before: unknown, after: unknown): string {
  if (before === undefined && after === undefined) return "";
  return `${text(before) || "nothing"} → ${text(after) || "nothing"}`;
}

function text(value: unknown): string {
  return value === undefined || value === null ? "" : JSON.stringify(value);
}
