import { Command, InvalidArgumentError, Option } from "commander";
import { connectionKinds } from "@rollcall/core/domain";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";
import { connectionSchemaCommand } from "./connection-schema.ts";
import { addConnectionStateCommands } from "./connection-state.ts";
import {
  justInTimeOf,
  type JustInTimeOptions,
  type JustInTimeSettings,
  justInTimeShown,
  withJustInTime,
} from "./just-in-time.ts";

type Connection = {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly kind: string;
  readonly issuers: readonly string[];
  readonly audience?: string;
  readonly subjectClaim: string;
  readonly subjectRule: string;
  readonly subjectAttribute: string;
  readonly subjectCompare: string;
  readonly tokenLifetimeSec: number;
  readonly rates: Readonly<Record<string, number>>;
  readonly justInTime?: JustInTimeSettings;
  readonly rules: readonly {
    readonly rule: string;
    readonly choice: string;
    readonly means: string;
    readonly from: "kind" | "admin";
  }[];
  readonly granted: readonly string[];
};

type Settings = JustInTimeOptions & {
  readonly name?: string;
  readonly kind?: string;
  readonly dialect?: readonly (readonly [string, string | null])[];
  readonly issuer?: readonly string[];
  readonly audience?: string;
  readonly anyAudience?: boolean;
  readonly claim?: string;
  readonly rule?: string;
  readonly attribute?: string;
  readonly compare?: string;
  readonly tokenLifetime?: number;
  readonly rate?: readonly (readonly [string, number])[];
  readonly defaultRates?: boolean;
};

/** `rollcall connection create|list|show|set|schema` */
export function connectionCommand(): Command {
  const connection = new Command("connection").description("ways in for identity providers");
  withSettings(connection.command("create <slug>").description("make a connection")).action(
    (slug: string, options: Settings, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const made = await api.post<Connection>(`${await tenantPath()}/connections`, { slug, ...bodyOf(options) });
        print(made, () => shown(made));
      }),
  );
  connection
    .command("list")
    .description("the tenant's connections")
    .action((_options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const answer = await api.get<{ readonly items: readonly Connection[] }>(`${await tenantPath()}/connections`);
        const rows = answer.items.map((one) => [one.slug, one.kind, ruleOf(one), one.issuers.join(" "), one.id]);
        print(answer, () => table(["slug", "kind", "subject", "issuers", "id"], rows));
      }),
    );
  connection
    .command("show <connection>")
    .description("one connection, by slug or id")
    .action((slug: string, _options: object, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const found = await api.get<Connection>(`${await tenantPath()}/connections/${encodeURIComponent(slug)}`);
        print(found, () => shown(found));
      }),
    );
  withSettings(connection.command("set <connection>").description("change settings; what is not named stays")).action(
    (slug: string, options: Settings, command: Command) =>
      withSession(command, async ({ api, print, tenantPath }) => {
        const path = `${await tenantPath()}/connections/${encodeURIComponent(slug)}`;
        const answer = await api.patch<{ readonly connection: Connection; readonly resyncNeeded: boolean }>(
          path,
          bodyOf(options),
        );
        const advice = answer.resyncNeeded
          ? `\n\nSubjects find other users now. Bring them up to date: rollcall resync connection ${answer.connection.slug}`
          : "";
        print(answer, () => `${shown(answer.connection)}${advice}`);
      }),
  );
  addConnectionStateCommands(connection);
  connection.addCommand(connectionSchemaCommand());
  return connection;
}

function withSettings(command: Command): Command {
  return withJustInTime(command)
    .option("--name <name>", "its name for people")
    .addOption(new Option("--kind <kind>", "the provider whose dialect it speaks").choices(connectionKinds))
    .addOption(
      new Option("--dialect <rule=choice...>", "rules otherwise than the kind's; rule=kind takes one back").argParser(
        dialectChoice,
      ),
    )
    .option("--issuer <url...>", "issuers of its users' tokens, byte for byte; replaces those it has")
    .addOption(new Option("--audience <audience>", "the audience that tokens must name").conflicts("anyAudience"))
    .option("--any-audience", "take tokens of any audience")
    .option("--claim <claim>", "the claim that carries the subject (sub)")
    .addOption(
      new Option("--rule <rule>", "how a subject finds a user (attribute)").choices([
        "direct",
        "attribute",
        "federated",
      ]),
    )
    .option("--attribute <attribute>", "externalId, userName, emails[primary] or a path (externalId)")
    .addOption(new Option("--compare <how>", "how subjects compare (exact)").choices(["exact", "casefold"]))
    .option("--token-lifetime <seconds>", "the longest lifetime of its tokens (86400)", wholeNumber)
    .addOption(
      new Option(
        "--rate <kind=number...>",
        "how many reads, writes or denials it may make in a second; replaces those it has",
      )
        .argParser(rateOf)
        .conflicts("defaultRates"),
    )
    .option("--default-rates", "as many requests as every connection may make");
}

function bodyOf(options: Settings): object {
  const { name, kind } = options;
  return {
    name,
    kind,
    dialect: options.dialect && Object.fromEntries(options.dialect),
    issuers: options.issuer,
    audience: options.anyAudience === true ? null : options.audience,
    subjectClaim: options.claim,
    subjectRule: options.rule,
    subjectAttribute: options.attribute,
    subjectCompare: options.compare,
    tokenLifetimeSec: options.tokenLifetime,
    justInTime: justInTimeOf(options),
    rates: options.defaultRates === true ? {} : options.rate && Object.fromEntries(options.rate),
  };
}

/** Adds `kind=number` to those before it; which kinds there are is the server's to say. */
function rateOf(
  written: string,
  before: readonly (readonly [string, number])[] = [],
): readonly (readonly [string, number])[] {
  const [, kind = "", perSec = ""] = /^(\w+)=(\d{1,7})$/.exec(written) ?? [];
  if (kind === "") throw new InvalidArgumentError("It must be like writes=200.");
  return [...before, [kind, Number(perSec)]];
}

/** Adds `rule=choice` to those before it; which there are is the server's to say. */
function dialectChoice(
  written: string,
  before: readonly (readonly [string, string | null])[] = [],
): readonly (readonly [string, string | null])[] {
  const [, rule = "", choice = ""] = /^(\w+)=(\w+)$/.exec(written) ?? [];
  if (rule === "") throw new InvalidArgumentError("It must be like groupPatchAnswer=200.");
  return [...before, [rule, choice === "kind" ? null : choice]];
}

/** Reads an option that counts something. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(value);
}

function ruleOf(connection: Connection): string {
  const attribute =
    connection.subjectRule === "attribute" ? ` ${connection.subjectAttribute} ${connection.subjectCompare}` : "";
  return `${connection.subjectRule}${attribute}`;
}

function shown(connection: Connection): string {
  const rules = connection.rules.map(({ rule, choice, means, from }) => [rule, choice, from, means]);
  const granted = connection.granted.map((sentence) => `- ${sentence}`).join("\n");
  return `${settingsOf(connection)}

How its requests are read and answered:
${table(["rule", "choice", "by", "that is"], rules)}

Besides, as for every connection:
${granted}`;
}

function settingsOf(connection: Connection): string {
  return fields({
    slug: connection.slug,
    name: connection.name,
    id: connection.id,
    kind: connection.kind,
    issuers: connection.issuers.join(" "),
    audience: connection.audience ?? "any",
    "subject claim": connection.subjectClaim,
    "subject rule": ruleOf(connection),
    "token lifetime": `${connection.tokenLifetimeSec} s`,
    "requests a second": ratesOf(connection),
    "users from tokens": justInTimeShown(connection.justInTime),
  });
}

function ratesOf({ rates }: Connection): string {
  const own = Object.entries(rates).map(([kind, perSec]) => `${kind} ${perSec}`);
  return own.length === 0 ? "as every connection" : own.join(", ");
}
