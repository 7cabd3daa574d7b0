import { Command, InvalidArgumentError, Option } from "commander";
import { type SourceKind, sourceKindNames, sourceKinds } from "@rollcall/core/domain";
import { readGiven } from "../given-file.ts";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";

type Source = {
  readonly id: string;
  readonly connectionId: string;
  readonly kind: SourceKind;
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly status: string;
  readonly url?: string;
  readonly lastError: string | null;
};
type SourceEvent = {
  readonly id: string;
  readonly kind: string;
  readonly outcome: string;
  readonly subjectId: string | null;
  readonly occurredAt: string | null;
  readonly acceptedAt: string;
};
type Settings = {
  readonly name?: string;
  readonly setting?: readonly (readonly [string, string])[];
  readonly secretFile?: string;
};

const once = "The secret is shown this once: give it to the sender with the URL.";
const renewed =
  "There is nothing to be set up at the sender: Rollcall makes the subscription, with the secret, and renews it.";
const collectSetting = (value: string, earlier: readonly (readonly [string, string])[] = []) => {
  const at = value.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("must be as name=value");
  return [...earlier, [value.slice(0, at), value.slice(at + 1)] as const];
};

/** `rollcall source add|set|rotate|list|show|events|remove` */
export function sourceCommand(): Command {
  const source = new Command("source").description(
    "where events come from beside SCIM: webhooks, streams, subscriptions",
  );
  addAdd(source);
  addChanges(source);
  addReads(source);
  return source;
}

function addAdd(source: Command): void {
  withSettings(source.command("add <connection>").description("let a connection's provider send events"))
    .addOption(new Option("--kind <kind>", "who sends them").choices([...sourceKindNames]).makeOptionMandatory())
    .action((connection: string, options: Settings & { readonly kind: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const body = { connection, kind: options.kind, ...bodyOf(options) };
        const added = await api.post<Source & { readonly secret?: string }>(`${await tenantPath()}/sources`, body);
        print(added, () => {
          if (isRenewed(added)) return `${shown(added)}\n\n${renewed}`;
          return added.secret === undefined ? shown(added) : `${shown(added)}\n${withSecret({ secret: added.secret })}`;
        });
      }),
    );
}

function addChanges(source: Command): void {
  withSettings(
    source.command("set <id>").description("change a source; a paused one turns its sender away, to come again"),
  )
    .addOption(new Option("--status <status>", "whether it takes events in").choices(["enabled", "paused"]))
    .action((id: string, options: Settings & { readonly status?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const { status } = options;
        const body = { ...bodyOf(options), ...(status === undefined ? {} : { status }) };
        const changed = await api.patch<Source>(`${await tenantPath()}/sources/${encodeURIComponent(id)}`, body);
        print(changed, () => shown(changed));
      }),
    );
  source
    .command("rotate <id>")
    .description("make a new secret; the one before verifies beside it for a day")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/sources/${encodeURIComponent(id)}`;
        // Asked before: once there is a secret that is told this once, nothing may come between it and its reader.
        const source = await api.get<Source>(path);
        const rotated = await api.post<{ readonly secret: string; readonly formerUntil: string }>(`${path}/rotate`, {});
        const until = { "both verify until": rotated.formerUntil };
        print(rotated, () =>
          isRenewed(source)
            ? `${fields({ id, ...until })}\n\n${renewed}`
            : withSecret({ id, secret: rotated.secret, ...until }),
        );
      }),
    );
  source
    .command("remove <id>")
    .description("end a source: its address answers nobody any more")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        await api.remove(`${await tenantPath()}/sources/${encodeURIComponent(id)}`);
        print({ id, removed: true }, () => `source ${id} is removed`);
      }),
    );
}

function addReads(source: Command): void {
  source
    .command("list")
    .description("the tenant's sources")
    .option("--after <id>", "the page after this one")
    .action((options: { readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly Source[] }>(`${await tenantPath()}/sources`, options);
        const rows = answer.items.map(({ id, kind, name, status, url }) => [kind, name, status, url, id]);
        print(answer, () => table(["kind", "name", "status", "url", "id"], rows));
      }),
    );
  source
    .command("show <id>")
    .description("one source")
    .action((id: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const found = await api.get<Source>(`${await tenantPath()}/sources/${encodeURIComponent(id)}`);
        print(found, () => shown(found));
      }),
    );
  source
    .command("events <id>")
    .description("what it has said in the last 30 days, the newest first, and what came of each")
    .option("--after <time>", "older than this moment")
    .action((id: string, options: { readonly after?: string }, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/sources/${encodeURIComponent(id)}/events`;
        const answer = await api.get<{ readonly items: readonly SourceEvent[] }>(path, { ...options, limit: 100 });
        const rows = answer.items.map((event) => [
          event.acceptedAt,
          event.kind,
          event.outcome,
          event.subjectId,
          event.occurredAt ?? "unknown",
          event.id,
        ]);
        print(answer, () => table(["accepted", "event", "outcome", "user", "occurred", "id"], rows));
      }),
    );
}

function withSettings(command: Command): Command {
  return command
    .option("--name <name>", "what it is called")
    .option("--setting <name=value>", "a setting of its kind; may be repeated", collectSetting)
    .option("--secret-file <path>", "a file with the secret that the sender shows, where the sender makes it");
}

function bodyOf({ name, setting, secretFile }: Settings): object {
  return {
    ...(name === undefined ? {} : { name }),
    ...(setting === undefined ? {} : { settings: Object.fromEntries(setting) }),
    ...(secretFile === undefined ? {} : { secret: readGiven(secretFile).trim() }),
  };
}

function isRenewed({ kind }: Source): boolean {
  return sourceKinds[kind].renewed === true;
}

function withSecret(told: Readonly<Record<string, string>>): string {
  return `${fields(told)}\n\n${once}`;
}

function shown({ id, kind, name, status, url, settings, lastError }: Source): string {
  return fields({
    id,
    kind,
    name,
    status,
    url,
    ...settings,
    ...(lastError === null ? {} : { "last error": lastError }),
  });
}
