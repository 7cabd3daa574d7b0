import { ConfigError, readConfig } from "@rollcall/core/config";
import type { Command } from "commander";
import { type AdminApi, CommandError, createAdminApi } from "./admin-api.ts";
import { noteFile, readNote } from "./cli-note.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { readGiven } from "./given-file.ts";

/** One command's way to the service, and its way to answer. */
export type Session = {
  readonly api: AdminApi;
  /** The path of the tenant to work in, below which its resources are. */
  tenantPath(): Promise<string>;
  tenant(): Promise<string>;
  /** Prints the document under `--json`, and the text otherwise. */
  print(document: unknown, text: () => string): void;
  readonly isJson: boolean;
};

type Options = {
  readonly url?: string;
  readonly tokenFile?: string;
  readonly tenant?: string;
  readonly json?: boolean;
};

/**
 * Runs one command against the service, prints what went wrong in words, and sets the exit code.
 * Work that answers nothing is done.
 */
export async function withSession(
  command: Command,
  work: (session: Session) => Promise<ExitCode | undefined | void>,
): Promise<void> {
  await run(command, (options) => work(openSession(options)));
}

/** The same for a command that asks no service. */
export async function withLocalSession(
  command: Command,
  work: (print: Session["print"]) => Promise<void>,
): Promise<void> {
  await run(command, ({ json }) => work(printer(json === true)));
}

async function run(command: Command, work: (options: Options) => Promise<ExitCode | undefined | void>): Promise<void> {
  const options = command.optsWithGlobals<Options>();
  try {
    process.exitCode = (await work(options)) ?? exitCodes.done;
  } catch (error) {
    const known =
      error instanceof ConfigError ? new CommandError(exitCodes.usage, "configuration_invalid", error.message) : error;
    if (!(known instanceof CommandError)) throw error;
    process.stderr.write(`rollcall: ${known.message}\n`);
    if (options.json === true) printJson({ error: { code: known.code, detail: known.message } });
    process.exitCode = known.exitCode;
  }
}

function openSession(options: Options): Session {
  const config = readConfig(["ROLLCALL_URL", "ROLLCALL_TOKEN", "ROLLCALL_HOME"]);
  const file = noteFile(config.ROLLCALL_HOME);
  const given = options.url ?? config.ROLLCALL_URL;
  const note = readNote(file);
  const url = (given ?? note?.url)?.replace(/\/+$/, "");
  if (url === undefined) {
    const advice = "Start one here with `npm start`, or say where it is with --url or ROLLCALL_URL.";
    throw new CommandError(
      exitCodes.unreachable,
      "unreachable",
      `there is no ${file} here that would say where Rollcall runs.\n${advice}`,
    );
  }
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new CommandError(exitCodes.usage, "url_invalid", "--url must begin with http:// or https://");
  // The noted token belongs to the noted service and is shown to no other.
  const own = note !== undefined && note.url.replace(/\/+$/, "") === url ? note : undefined;
  const token =
    options.tokenFile === undefined ? (config.ROLLCALL_TOKEN ?? own?.token) : readGiven(options.tokenFile).trim();
  if (token === undefined)
    throw new CommandError(
      exitCodes.usage,
      "token_missing",
      "an admin token is needed: --token-file or ROLLCALL_TOKEN",
    );

  const api = createAdminApi(url, token);
  const isJson = options.json === true;
  const tenant = once(async () => options.tenant ?? own?.tenant ?? onlyTenant(api));
  return {
    api,
    isJson,
    tenant,
    tenantPath: async () => `/v1/admin/tenants/${encodeURIComponent(await tenant())}`,
    print: printer(isJson),
  };
}

function printer(isJson: boolean): Session["print"] {
  return (document, text) => (isJson ? printJson(document) : process.stdout.write(`${text()}\n`));
}

function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

async function onlyTenant(api: AdminApi): Promise<string> {
  const { items } = await api.get<{ readonly items: readonly { readonly slug: string }[] }>("/v1/admin/tenants", {
    limit: 2,
  });
  const [only] = items;
  if (only === undefined || items.length > 1)
    throw new CommandError(exitCodes.usage, "tenant_missing", "say which tenant: --tenant <slug>");
  return only.slug;
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
