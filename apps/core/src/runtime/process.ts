import { type Config, ConfigError, readConfig, type Setting } from "./config.ts";
import { createLog, type Logger } from "./log.ts";
import { createShutdown, exitOnSignal, type Shutdown } from "./shutdown.ts";

type Common = "LOG_LEVEL" | "SHUTDOWN_SEC_MAX" | "HOST";

export type Context<Name extends Setting> = { readonly config: Config<Name | Common>; readonly log: Logger; readonly shutdown: Shutdown };

/**
 * The life of one process: reads its settings, builds, runs until a signal, drains, exits. A bad
 * configuration exits 2 with every problem named; a start that fails exits 1 with its cause.
 */
export async function runProcess<const Name extends Setting>(
  role: string,
  names: readonly Name[],
  build: (context: Context<Name>) => Promise<void>,
): Promise<void> {
  let context: Context<Name>;
  try {
    const config = readConfig<Name | Common>(["LOG_LEVEL", "SHUTDOWN_SEC_MAX", "HOST", ...names]);
    const log = createLog(role, config.LOG_LEVEL);
    context = { config, log, shutdown: createShutdown(log, 1_000 * config.SHUTDOWN_SEC_MAX) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`rollcall ${role}: ${error.message}\n`);
    process.exit(2);
  }
  exitOnSignal(context.shutdown, context.log);
  try {
    await build(context);
    context.log.info("ready");
  } catch (error) {
    context.log.fatal({ err: error }, "could not start");
    await context.shutdown.run("failed start").catch(() => undefined);
    process.exit(1);
  }
}
