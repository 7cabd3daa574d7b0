import type { Command } from "commander";
import { exitCodes } from "../exit-codes.ts";
import { withSession } from "../session.ts";
import { table } from "../table.ts";

type Connection = { readonly slug: string; readonly pausedAt?: string };
type Check = { readonly name: string; readonly ok: boolean; readonly detail: string; readonly fix?: string };
type Removal = { readonly users: number; readonly groups: number };

const note = ["--note <text>", "why, for the audit; name no person"] as const;

/** `rollcall connection test|pause|resume|remove` */
export function addConnectionStateCommands(connection: Command): void {
  connection
    .command("test <connection>")
    .description("look through what has arrived by a connection, and say what is next; exit code 1 where something is")
    .action((slug: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/connections/${encodeURIComponent(slug)}/test`;
        const answer = await api.post<{ readonly checks: readonly Check[] }>(path, {});
        const rows = answer.checks.map(({ name, ok, detail, fix }) => [name, ok, detail, fix]);
        print(answer, () => table(["check", "well", "found", "do"], rows));
        return answer.checks.every(({ ok }) => ok) ? exitCodes.done : exitCodes.refused;
      }),
    );
  turning(connection, "pause", "take denials and nothing else: the provider is asked to send the rest again");
  turning(connection, "resume", "take everything again");
  connection
    .command("remove <connection>")
    .description("end a connection for good; its users are denied, so that has to be said")
    .option("--deny-users", "also where it has users, all of whom lose access")
    .option(...note)
    .action((slug: string, options: { readonly denyUsers?: true; readonly note?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/connections/${encodeURIComponent(slug)}`;
        const { slug: own } = await api.get<Connection>(path);
        const query = { confirm: options.denyUsers === true ? own : undefined, note: options.note };
        const removed = await api.remove<Removal>(path, query);
        print(removed, () => `${own} is ended: ${removed.users} users are denied, ${removed.groups} groups are gone`);
      }),
    );
}

function turning(connection: Command, verb: "pause" | "resume", description: string): void {
  connection
    .command(`${verb} <connection>`)
    .description(description)
    .option(...note)
    .action((slug: string, options: { readonly note?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/connections/${encodeURIComponent(slug)}/${verb}`;
        const turned = await api.post<Connection>(path, options);
        print(turned, () => `${turned.slug} ${turned.pausedAt === undefined ? "takes everything" : "is paused"}`);
      }),
    );
}
