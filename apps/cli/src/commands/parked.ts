import { Command } from "commander";
import { withSession } from "../session.ts";
import { milliseconds, table } from "../table.ts";

type ParkedMember = {
  readonly groupId: string;
  readonly groupName: string;
  readonly value: string;
  readonly since: string;
  readonly ageMs: number;
};
type Page = { readonly items: readonly ParkedMember[]; readonly total: number; readonly next?: string };

/** `rollcall parked list` */
export function parkedCommand(): Command {
  const parked = new Command("parked").description("members that groups name and that nobody is yet");
  parked
    .command("list")
    .description("whom each group waits for; they join once they are created under that id or externalId")
    .option("--connection <connection>", "one connection's groups alone")
    .option("--group <id>", "one group alone")
    .option("--after <cursor>", "what follows a page, by its next")
    .action(
      (options: { readonly connection?: string; readonly group?: string; readonly after?: string }, command: Command) =>
        withSession(command, async ({ api, print, tenantPath }) => {
          const page = await api.get<Page>(`${await tenantPath()}/parked`, { ...options, limit: 200 });
          print(page, () => shown(page));
        }),
    );
  return parked;
}

function shown({ items, total, next }: Page): string {
  const rows = items.map(({ groupName, groupId, value, since, ageMs }) => [
    value,
    groupName,
    groupId,
    since,
    milliseconds(ageMs),
  ]);
  const lines = table(["member", "group", "group id", "since", "age"], rows, "nobody is waited for");
  const more = next === undefined ? "" : `\nmore: --after ${next}`;
  return total === 0 ? lines : `${lines}\n${total} in all${more}`;
}
