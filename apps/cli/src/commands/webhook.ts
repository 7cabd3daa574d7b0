import { Command, Option } from "commander";
import { withSession } from "../session.ts";
import { fields } from "../table.ts";
import { addFollowerCommands, type Follower } from "./followers.ts";

type SetOptions = {
  readonly url?: string;
  readonly event?: readonly string[];
  readonly description?: string;
  readonly status?: string;
};

const once = "The secret is shown this once.";
const event = ["--event <type...>", "only these, as in user.denied; without it all"] as const;
const description = ["--description <text>", "what it is for"] as const;

/** `rollcall webhook add|set|rotate|list|deliveries|replay|remove` */
export function webhookCommand(): Command {
  const webhook = new Command("webhook").description("applications that are told by webhook who may enter and who not");
  webhook
    .command("add <url>")
    .description("tell an address, signed with a secret that is shown this once")
    .option(...event)
    .option(...description)
    .action((url: string, options: SetOptions, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const body = { url, ...toBody(options) };
        const added = await api.post<Follower & { readonly secret: string }>(`${await tenantPath()}/webhooks`, body);
        const { id, events, secret } = added;
        print(added, () => `${fields({ id, url, events: events.join(" "), secret })}\n\n${once}`);
      }),
    );
  webhook
    .command("set <id>")
    .description("change a webhook; one that is enabled again is told what waits")
    .option("--url <url>", "where it is told")
    .option(...event)
    .option(...description)
    .addOption(
      new Option("--status <status>", "paused keeps what happens for later, disabled does not").choices([
        "enabled",
        "paused",
        "disabled",
      ]),
    )
    .action((id: string, options: SetOptions, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/webhooks/${encodeURIComponent(id)}`;
        const changed = await api.patch<Follower>(path, toBody(options));
        const { url, events, status } = changed;
        print(changed, () => fields({ id, url, events: events.join(" "), status }));
      }),
    );
  webhook
    .command("rotate <id>")
    .description("make a new secret; the one before signs beside it for a day")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/webhooks/${encodeURIComponent(id)}/rotate`;
        const rotated = await api.post<{ readonly secret: string; readonly formerUntil: string }>(path, {});
        const shown = { id, secret: rotated.secret, "both sign until": rotated.formerUntil };
        print(rotated, () => `${fields(shown)}\n\n${once}`);
      }),
    );
  addFollowerCommands(webhook, "webhook");
  return webhook;
}

function toBody({ event: events, ...others }: SetOptions): object {
  return { ...others, ...(events === undefined ? {} : { events }) };
}
