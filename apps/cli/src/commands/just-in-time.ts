import { type Command, InvalidArgumentError, Option } from "commander";

/** How a connection's users are made from tokens, as the service tells it. */
export type JustInTimeSettings = {
  readonly enabled: boolean;
  readonly claims: Readonly<Record<string, string>>;
  readonly required: readonly string[];
  readonly match: Readonly<Record<string, string>>;
  readonly services: readonly { readonly claim: string; readonly equals?: string; readonly prefix?: string }[];
};

type Pairs = readonly (readonly [string, string])[];

export type JustInTimeOptions = {
  readonly provision?: boolean;
  readonly fill?: Pairs;
  readonly require?: readonly string[];
  readonly match?: Pairs;
  readonly anyToken?: boolean;
  readonly service?: Pairs;
};

/** The options that say how users are made from tokens. */
export function withJustInTime(command: Command): Command {
  return command
    .option("--provision", "make users from verified tokens whose subject nobody knows")
    .option("--no-provision", "make nobody from a token")
    .addOption(
      new Option(
        "--fill <attribute=claim...>",
        "which claim fills which attribute of such a user; replaces those it has",
      ).argParser(pair),
    )
    .option("--require <attribute...>", "attributes without which nobody is made; replaces those it has")
    .addOption(
      new Option("--match <claim=value...>", "what claims must say, such as the tenant's; replaces those it has")
        .argParser(pair)
        .conflicts("anyToken"),
    )
    .option("--any-token", "whatever claims say")
    .addOption(
      new Option(
        "--service <claim=value...>",
        "what tells a service account; value* is a beginning; replaces those it has",
      ).argParser(pair),
    );
}

/** What is to be changed; undefined where nothing was said of it. */
export function justInTimeOf(options: JustInTimeOptions): object | undefined {
  const { provision, fill, require: required, match, anyToken, service } = options;
  const patch = {
    enabled: provision,
    claims: fill && Object.fromEntries(fill),
    required,
    match: anyToken === true ? {} : match && Object.fromEntries(match),
    services: service?.map(([claim, value]) =>
      value.endsWith("*") ? { claim, prefix: value.slice(0, -1) } : { claim, equals: value },
    ),
  };
  return Object.values(patch).every((value) => value === undefined) ? undefined : patch;
}

/** The settings on one line. */
export function justInTimeShown(settings: JustInTimeSettings | undefined): string {
  if (settings?.enabled !== true) return "no";
  const { claims, required, match, services } = settings;
  const told = services.map(({ claim, equals, prefix }) => `${claim}=${equals ?? `${prefix ?? ""}*`}`);
  return [
    `yes: ${pairsShown(claims)}`,
    `requires ${["userName", ...required.filter((attribute) => attribute !== "userName")].join(", ")}`,
    ...(Object.keys(match).length === 0 ? [] : [`only where ${pairsShown(match)}`]),
    ...(told.length === 0 ? [] : [`services are ${told.join(", ")}`]),
  ].join("; ");
}

function pairsShown(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([name, value]) => `${name}=${value}`)
    .join(", ");
}

/** Adds `name=value` to those before it; which names there are is the server's to say. */
function pair(written: string, before: Pairs = []): Pairs {
  const at = written.indexOf("=");
  if (at < 1 || at === written.length - 1) throw new InvalidArgumentError("It must be like email=value.");
  return [...before, [written.slice(0, at), written.slice(at + 1)]];
}
