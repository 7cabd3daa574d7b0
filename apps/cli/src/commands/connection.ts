import { Command, InvalidArgumentError, Option } from "commander";
import { withSession } from "../session.ts";
import { fields, table } from "../table.ts";

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
};

type Settings = {
  readonly name?: string;
  readonly kind?: string;
  readonly issuer?: readonly string[];
  readonly audience?: string;
  readonly anyAudience?: boolean;
  readonly claim?: string;
  readonly rule?: string;
  readonly attribute?: string;
  readonly compare?: string;
  readonly tokenLifetime?: number;
};

/** `rollcall connection create|list|show|set` */
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
  return connection;
}

function withSettings(command: Command): Command {
  return command
    .option("--name <name>", "its name for people")
    .addOption(new Option("--kind <kind>", "the provider's dialect").choices(["okta", "entra", "scim"]))
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
    .option("--token-lifetime <seconds>", "the longest lifetime of its tokens (86400)", wholeNumber);
}

function bodyOf(options: Settings): object {
  const { name, kind } = options;
  return {
    name,
    kind,
    issuers: options.issuer,
    audience: options.anyAudience === true ? null : options.audience,
    subjectClaim: options.claim,
    subjectRule: options.rule,
    subjectAttribute: options.attribute,
    subjectCompare: options.compare,
    tokenLifetimeSec: options.tokenLifetime,
  };
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
  });
}
