import { Command, InvalidArgumentError, Option } from "commander";
import { providerKindNames } from "@rollcall/core/domain";
import { exitCodes } from "../exit-codes.ts";
import { readGiven } from "../given-file.ts";
import { type Session, withSession } from "../session.ts";
import { fields, table } from "../table.ts";

type Provider = {
  readonly kind: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly answeredAt: string | null;
  readonly failingSince: string | null;
  readonly lastError: string | null;
  readonly waiting: number;
};
type Waiting = {
  readonly names: { readonly id?: string; readonly userName?: string; readonly email?: string };
  readonly askedAt: string;
  readonly dueAt: string;
  readonly attempts: number;
  readonly lastError: string | null;
};
type Report = { readonly works: boolean; readonly lines: readonly string[] };
type Settings = {
  readonly kind: string;
  readonly setting?: readonly (readonly [string, string])[];
  readonly settingFile?: readonly (readonly [string, string])[];
  readonly secretFile?: string;
};

const collect = (value: string, earlier: readonly (readonly [string, string])[] = []) => {
  const at = value.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("must be as name=value");
  return [...earlier, [value.slice(0, at), value.slice(at + 1)] as const];
};

/** `rollcall provider set|show|test|remove` */
export function providerCommand(): Command {
  const provider = new Command("provider").description("how identity providers are asked about their users");
  addSet(provider);
  addReads(provider);
  provider
    .command("remove <connection>")
    .description("ask nobody any more: what was still to be asked is forgotten")
    .action((connection: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        await session.api.remove(await pathOf(session, connection));
        session.print({ connection, removed: true }, () => `the provider of ${connection} is removed`);
      }),
    );
  return provider;
}

function addSet(provider: Command): void {
  provider
    .command("set <connection>")
    .description("say how a connection's provider is asked; all of its settings at once")
    .addOption(new Option("--kind <kind>", "what it is").choices([...providerKindNames]).makeOptionMandatory())
    .option("--setting <name=value>", "a setting of its kind; may be repeated", collect)
    .option("--setting-file <name=path>", "a setting whose value is in a file; may be repeated", collect)
    .option("--secret-file <path>", "a file with what it is asked with; without it the present secret is kept")
    .action((connection: string, options: Settings, command: Command) =>
      withSession(command, async (session) => {
        const set = await session.api.put<Provider>(await pathOf(session, connection), bodyOf(options));
        session.print(set, () => `${shown(set)}\n\nTry it: rollcall provider test ${connection}`);
      }),
    );
}

function addReads(provider: Command): void {
  provider
    .command("show <connection>")
    .description("how it is asked, how it answers, and about whom it is still to be asked")
    .action((connection: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const { api, print, tenantPath } = session;
        const found = await api.get<Provider>(await pathOf(session, connection));
        const waiting = await api.get<{ readonly items: readonly Waiting[] }>(
          `${await tenantPath()}/connections/${encodeURIComponent(connection)}/read-backs`,
        );
        print({ ...found, readBacks: waiting.items }, () => `${shown(found)}\n\n${waitingShown(waiting.items)}`);
      }),
    );
  provider
    .command("test <connection>")
    .description("ask it for a page of users and for one, and say what works and what is missing")
    .action((connection: string, _options: object, command: Command) =>
      withSession(command, async (session) => {
        const report = await session.api.post<Report>(`${await pathOf(session, connection)}/test`, {});
        session.print(report, () => [...report.lines, report.works ? "it works" : "it does not work yet"].join("\n"));
        return report.works ? exitCodes.done : exitCodes.refused;
      }),
    );
}

async function pathOf({ tenantPath }: Session, connection: string): Promise<string> {
  return `${await tenantPath()}/connections/${encodeURIComponent(connection)}/provider`;
}

function bodyOf({ kind, setting = [], settingFile = [], secretFile }: Settings): object {
  const files = settingFile.map(([name, path]) => [name, readGiven(path)] as const);
  const settings = Object.fromEntries([...setting, ...files]);
  return {
    kind,
    settings,
    ...(secretFile === undefined ? {} : { secret: readGiven(secretFile).trim() }),
  };
}

function shown({ kind, settings, answeredAt, failingSince, lastError, waiting }: Provider): string {
  const flat = Object.entries(settings).flatMap(([name, value]): readonly (readonly [string, string])[] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).map(([own, part]) => [`${name}.${own}`, String(part)] as const)
      : [[name, String(value)]],
  );
  return fields({
    kind,
    ...Object.fromEntries(flat),
    "last answered": answeredAt ?? "never",
    "failing since": failingSince,
    "last error": lastError,
    "to be asked": waiting,
  });
}

function waitingShown(items: readonly Waiting[]): string {
  const rows = items.map(({ names, askedAt, dueAt, attempts, lastError }) => [
    names.id ?? names.userName ?? names.email,
    askedAt,
    dueAt,
    attempts,
    lastError,
  ]);
  return table(["user", "asked for", "asked next", "attempts", "last error"], rows, "nobody waits to be asked about");
}
