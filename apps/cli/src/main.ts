import { Command, CommanderError } from "commander";
import { connectionCommand } from "./commands/connection.ts";
import { deadletterCommand } from "./commands/deadletter.ts";
import { explainCommand } from "./commands/explain.ts";
import { feedCommand } from "./commands/feed.ts";
import { gatewayCommand } from "./commands/gateway.ts";
import { lagCommand } from "./commands/lag.ts";
import { parkedCommand } from "./commands/parked.ts";
import { resyncCommand } from "./commands/resync.ts";
import { revokeCommand } from "./commands/revoke.ts";
import { streamCommand } from "./commands/stream.ts";
import { tenantCommand } from "./commands/tenant.ts";
import { tokenCommand } from "./commands/token.ts";
import { userCommand } from "./commands/user.ts";
import { webhookCommand } from "./commands/webhook.ts";
import { exitCodes } from "./exit-codes.ts";
import type { MigrateOptions } from "./migrate.ts";

const footer = `
The service and its admin token are taken from --url and --token-file, else from ROLLCALL_URL and
ROLLCALL_TOKEN, else from what \`rollcall up\` noted in .rollcall/cli.json.

Exit codes: 0 done · 1 refused, or the answer is no · 2 used wrongly · 3 the service cannot be reached`;

function program(): Command {
  const rollcall = new Command("rollcall")
    .description("Keeps the sub of every token and the users of an application in step.")
    .option("--url <url>", "where the service answers")
    .option("--token-file <path>", "a file that holds the admin token")
    .option("--tenant <slug>", "the tenant to work in")
    .option("--json", "answer with one JSON document")
    .addHelpText("after", footer)
    .showHelpAfterError("(rollcall --help says how)")
    .exitOverride();

  // These run the service itself and load all of it; the others only speak to it.
  rollcall
    .command("up")
    .description("run every role in one process")
    .action(async () => {
      process.exitCode = await (await import("./up.ts")).run();
    });
  rollcall
    .command("migrate")
    .description("bring the database at DATABASE_URL to this version")
    .option("--prepare", "also make the secrets that are missing and the first tenant, whose tokens are printed once")
    .option("--secrets-dir <path>", "where the secrets are kept (secrets)")
    .action(async (_options: object, command: Command) => {
      const options = command.optsWithGlobals<MigrateOptions>();
      process.exitCode = await (await import("./migrate.ts")).run(options);
    });
  rollcall
    .command("demo")
    .description("tell the story of a joiner and a leaver on real parts")
    .action(async (_options: object, command: Command) => {
      const { json = false } = command.optsWithGlobals<{ readonly json?: boolean }>();
      process.exitCode = await (await import("./demo.ts")).run({ json });
    });

  const own = [
    tenantCommand,
    connectionCommand,
    tokenCommand,
    userCommand,
    revokeCommand,
    resyncCommand,
    explainCommand,
    lagCommand,
    gatewayCommand,
    feedCommand,
    webhookCommand,
    streamCommand,
    parkedCommand,
    deadletterCommand,
  ];
  for (const command of own) rollcall.addCommand(inherit(command(), rollcall));
  return rollcall;
}

/** Commands made apart from their parent do not inherit how it ends and what it says. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
  return command;
}

try {
  await program().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
}
