import { Command } from "commander";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";
import { wholeNumber } from "./connection.ts";

type Group = {
  readonly id: string;
  readonly connectionId: string;
  readonly displayName: string;
  readonly externalId: string | null;
  readonly deletedAt: string | null;
  readonly behind: boolean;
  readonly updatedAt: string;
};
type Shown = Group & {
  readonly members: number;
  readonly parked: number;
  readonly admitted: number;
  readonly createdAt: string;
};
type Member = {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly denials: readonly string[];
  readonly since: string;
};
type Page<Item> = { readonly items: readonly Item[]; readonly next?: string };
type Paging = { readonly after?: string; readonly limit?: number };

/** `rollcall group list|show|members` */
export function groupCommand(): Command {
  const group = new Command("group").description("groups as identity providers describe them, and who is in them");
  group
    .command("list")
    .description("living groups")
    .option("--name <beginning>", "whose name begins so, in any case")
    .option("--connection <connection>", "one connection's alone, by slug or id")
    .option("--limit <number>", "how many at most, 1 to 200 (50)", wholeNumber)
    .option("--after <id>", "what follows a page, by its next")
    .action((query: Paging & { readonly name?: string; readonly connection?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const page = await api.get<Page<Group>>(`${await tenantPath()}/groups`, query);
        const rows = page.items.map((one) => [one.id, one.displayName, one.externalId, sync(one), one.updatedAt]);
        print(page, () => `${table(["id", "name", "externalId", "sync", "changed"], rows)}${more(page)}`);
      }),
    );
  group
    .command("show <group>")
    .description("one group, by its id, with how many it holds")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const found = await api.get<Shown>(`${await tenantPath()}/groups/${encodeURIComponent(id)}`);
        print(found, () => shown(found));
      }),
    );
  group
    .command("members <group>")
    .description("the users and groups that a group holds itself")
    .option("--limit <number>", "how many at most, 1 to 200 (50)", wholeNumber)
    .option("--after <id>", "what follows a page, by its next")
    .action((id: string, query: Paging, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/groups/${encodeURIComponent(id)}/members`;
        const page = await api.get<Page<Member>>(path, query);
        const rows = page.items.map(({ denials, ...one }) => [
          one.kind,
          one.id,
          one.name,
          denials.join(", "),
          one.since,
        ]);
        print(page, () => `${table(["is", "id", "name", "denied", "since"], rows)}${more(page)}`);
      }),
    );
  return group;
}

function sync({ deletedAt, behind }: Group): string {
  if (deletedAt !== null) return `deleted ${deletedAt}`;
  return behind ? "not applied yet" : "in step";
}

function more({ next }: Page<unknown>): string {
  return next === undefined ? "" : `\n\nThere is more: --after ${next}`;
}

function shown(group: Shown): string {
  return fields({
    id: group.id,
    name: group.displayName,
    externalId: group.externalId,
    connection: group.connectionId,
    sync: sync(group),
    holds: group.members,
    "waits for": group.parked,
    "users in it": group.admitted,
    created: group.createdAt,
    changed: group.updatedAt,
  });
}
