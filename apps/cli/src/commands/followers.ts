import { type Command, Option } from "commander";
import { CommandError } from "../admin-api.ts";
import { exitCodes } from "../exit-codes.ts";
import { withSession } from "../session.ts";
import { table } from "../table.ts";

/** An application that follows, as the admin API shows it. */
export type Follower = {
  readonly id: string;
  readonly kind: "webhook" | "push" | "poll";
  readonly receiver: string | null;
  readonly description: string | null;
  readonly url: string | null;
  readonly events: readonly string[];
  readonly status: string;
  readonly statusReason: string | null;
  readonly failures: number;
};

type Delivery = {
  readonly id: string;
  readonly event: string;
  readonly userId: string | null;
  readonly state: string;
  readonly attempts: number;
  readonly lastStatus: number | null;
  readonly lastError: string | null;
  readonly createdAt: string;
  readonly dueAt: string | null;
};
type LogOptions = { readonly state?: string; readonly after?: string };
type ReplayOptions = { readonly delivery?: string; readonly since?: string; readonly failed?: true };

/** What webhooks and streams have in common: `list`, `deliveries`, `replay` and `remove`. */
export function addFollowerCommands(parent: Command, of: "webhook" | "stream"): void {
  addListing(parent, of);
  parent
    .command("replay <id>")
    .description(
      "send again what was sent, or given up, under the same ids: one message, all since a moment, or the failed",
    )
    .option("--delivery <id>", "this message")
    .option("--since <time>", "every message since this moment, as in 2026-01-31T12:00:00Z")
    .option("--failed", "every message that was given up")
    .action((id: string, options: ReplayOptions, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        if (Object.keys(options).length !== 1)
          throw new CommandError(exitCodes.usage, "replay_unclear", "say one of --delivery, --since and --failed");
        const path = `${await tenantPath()}/${of}s/${encodeURIComponent(id)}/replay`;
        const answer = await api.post<{ readonly replayed: number }>(path, options);
        print(answer, () => `${answer.replayed} will be sent again`);
      }),
    );
  parent
    .command("remove <id>")
    .description(`end a ${of}, with all that waits for it`)
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        await api.remove(`${await tenantPath()}/${of}s/${encodeURIComponent(id)}`);
        print({ id, removed: true }, () => `${of} ${id} is removed`);
      }),
    );
}

function addListing(parent: Command, of: "webhook" | "stream"): void {
  parent
    .command("list")
    .description(`each ${of}, and whether what it is told arrives`)
    .action((_options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly Follower[] }>(`${await tenantPath()}/${of}s`, {
          limit: 200,
        });
        const rows = answer.items.map((one) => [
          one.id,
          one.receiver ?? one.description,
          one.url ?? "polls",
          one.statusReason === null ? one.status : `${one.status} (${one.statusReason})`,
          one.failures,
          one.events.join(" "),
        ]);
        print(answer, () => table(["id", "for", "at", "is", "failures in a row", "events"], rows));
      }),
    );
  parent
    .command("deliveries <id>")
    .description("what it was told, the newest first")
    .addOption(new Option("--state <state>", "only these").choices(["waiting", "delivered", "dead"]))
    .option("--after <seq>", "older than this one")
    .action((id: string, options: LogOptions, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/${of}s/${encodeURIComponent(id)}/deliveries`;
        const answer = await api.get<{ readonly items: readonly Delivery[] }>(path, { ...options, limit: 200 });
        const rows = answer.items.map((one) => [
          one.id,
          one.event,
          one.userId,
          one.state,
          one.attempts,
          one.lastError ?? one.lastStatus,
          one.createdAt,
          one.dueAt,
        ]);
        print(answer, () => table(["id", "event", "user", "is", "tries", "answer", "since", "next"], rows));
      }),
    );
}
