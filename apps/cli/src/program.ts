import { Command } from "commander";
import { auditCommand } from "./commands/audit.ts";
import { completionCommand } from "./commands/completion.ts";
import { canaryCommand } from "./commands/canary.ts";
import { alertCommand } from "./commands/alert.ts";
import { connectionCommand } from "./commands/connection.ts";
import { deadletterCommand } from "./commands/deadletter.ts";
import { driftCommand } from "./commands/drift.ts";
import { eventCommand } from "./commands/event.ts";
import { explainCommand } from "./commands/explain.ts";
import { feedCommand } from "./commands/feed.ts";
import { gatewayCommand } from "./commands/gateway.ts";
import { groupCommand } from "./commands/group.ts";
import { lagCommand } from "./commands/lag.ts";
import { objectiveCommand } from "./commands/objective.ts";
import { parkedCommand } from "./commands/parked.ts";
import { refusalCommand } from "./commands/refusal.ts";
import { resyncCommand } from "./commands/resync.ts";
import { revokeCommand } from "./commands/revoke.ts";
import { streamCommand } from "./commands/stream.ts";
import { tenantCommand } from "./commands/tenant.ts";
import { tokenCommand } from "./commands/token.ts";
import { userCommand } from "./commands/user.ts";
import { providerCommand } from "./commands/provider.ts";
import { pullCommand } from "./commands/pull.ts";
import { sourceCommand } from "./commands/source.ts";
import { webhookCommand } from "./commands/webhook.ts";
import { describeCommands } from "./command-help.ts";
import type { MigrateOptions } from "./migrate.ts";
import { withLocalSession } from "./session.ts";

const footer = `
The service and its admin token are taken from --url and --token-file, else from ROLLCALL_URL and
ROLLCALL_TOKEN, else from what \`rollcall up\` noted in .rollcall/cli.json.

\`rollcall completion bash\` (or zsh, or fish) prints what your shell needs to complete these commands.`;

const commands = [
  tenantCommand,
  connectionCommand,
  tokenCommand,
  userCommand,
  revokeCommand,
  resyncCommand,
  driftCommand,
  explainCommand,
  refusalCommand,
  lagCommand,
  objectiveCommand,
  alertCommand,
  gatewayCommand,
  feedCommand,
  providerCommand,
  pullCommand,
  canaryCommand,
  sourceCommand,
  webhookCommand,
  streamCommand,
  parkedCommand,
  deadletterCommand,
  groupCommand,
  eventCommand,
  auditCommand,
  completionCommand,
];

/** The command line: every command there is, with what it says of itself. */
export function program(): Command {
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
      const { run } = await import("./migrate.ts");
      await withLocalSession(command, (print) => run(command.opts<MigrateOptions>(), print));
    });
  rollcall
    .command("demo")
    .description("tell the story of a joiner and a leaver on real parts")
    .action(async (_options: object, command: Command) => {
      const { json = false } = command.optsWithGlobals<{ readonly json?: boolean }>();
      process.exitCode = await (await import("./demo.ts")).run({ json });
    });

  for (const command of commands) rollcall.addCommand(inherit(command(), rollcall));
  describeCommands(rollcall);
  return rollcall;
}

/** Commands made apart from their parent do not inherit how it ends and what it says. */
function inherit(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
  return command;
}
