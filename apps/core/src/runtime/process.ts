import { type Config, ConfigError, type Fallbacks, readConfig, type Setting } from "./config.ts";
import { createLog, type Logger } from "./log.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { createShutdown, exitOnSignal, type Shutdown } from "./shutdown.ts";
import { StartError } from "./start-error.ts";

const common = ["LOG_LEVEL", "SHUTDOWN_SEC_MAX", "HOST", "METRICS_TOKEN"] as const;
type Common = (typeof common)[number];

export type Context<Name extends Setting> = {
  readonly config: Config<Name | Common>;
  readonly log: Logger;
  readonly shutdown: Shutdown;
  /** Undefined where nobody has a token for them. */
  readonly metrics: Metrics | undefined;
};

/**
 * The life of one process: reads its settings, builds, runs until a signal, drains, exits. A bad
 * configuration exits 2 with every problem named; a start that fails exits 1 with its cause.
 * `prepare` runs first and may start what provides settings that the environment leaves out.
 */
export async function runProcess<const Name extends Setting>(
  role: string,
  names: readonly Name[],
  build: (context: Context<Name>) => Promise<void>,
  prepare: (shutdown: Shutdown) => Promise<Fallbacks> = async () => ({}),
  defaults: Fallbacks = {},
): Promise<void> {
  const { log, shutdown, metrics } = exitOnConfigError(role, () => openLife(role, defaults));
  exitOnSignal(shutdown, log);
  try {
    const fallbacks = { ...defaults, ...(await prepare(shutdown)) };
    await build({ config: readConfig<Name | Common>([...common, ...names], fallbacks), log, shutdown, metrics });
    log.info("ready");
  } catch (error) {
    if (error instanceof ConfigError || error instanceof StartError)
      process.stderr.write(`rollcall ${role}: ${error.message}\n`);
    else log.fatal({ err: error }, "could not start");
    await shutdown.run("failed start").catch(() => undefined);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
}

function openLife(role: string, defaults: Fallbacks): Pick<Context<Common>, "log" | "shutdown" | "metrics"> {
  const config = readConfig(common, defaults);
  const log = createLog(role, config.LOG_LEVEL);
  const { METRICS_TOKEN: token } = config;
  const metrics = token === undefined ? undefined : createMetrics(role, token);
  return { log, shutdown: createShutdown(log, 1_000 * config.SHUTDOWN_SEC_MAX), metrics };
}

function exitOnConfigError<Result>(role: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`rollcall ${role}: ${error.message}\n`);
    process.exit(2);
  }
}
