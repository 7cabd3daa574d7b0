import { readFileSync } from "node:fs";
import { createServer, listen, runProcess } from "@rollcall/core/runtime";
import { type FeedOptions, GuardConfigError } from "@rollcall/guard";
import { createEntryFollower } from "@rollcall/guard/entries";
import { Command, InvalidArgumentError } from "commander";
import type { FastifyPluginAsync } from "fastify";
import { CommandError } from "../admin-api.ts";
import { createHaproxyAgent } from "../agent/haproxy-agent.ts";
import { createHaproxyMaps } from "../agent/haproxy-maps.ts";
import { haproxySocket } from "../agent/haproxy-socket.ts";
import { createOpaAgent } from "../agent/opa-agent.ts";
import { exitCodes } from "../exit-codes.ts";
import { withLocalSession } from "../session.ts";

type FollowOptions = {
  readonly feed: string;
  readonly feedTokenFile: string;
  readonly gateway: string;
  readonly keysFile?: string;
  readonly persist?: string;
};
type OpaOptions = FollowOptions & { readonly port: number };
type HaproxyOptions = FollowOptions & { readonly socket: string; readonly map: string; readonly stateMap: string };

const mapShape = /^(?:#\d+|[\w./-]+)$/;
const markMax = 2 ** 31;
const opaPortUsual = 8287;

/** `rollcall gateway agent haproxy|opa`: a process of its own beside a gateway that cannot follow the feed itself. */
export function agentCommand(): Command {
  const agent = new Command("agent").description("follow the feed for a gateway that cannot, until stopped");
  following(agent.command("haproxy"))
    .description("keep the maps of one HAProxy in step with the feed, over its runtime socket")
    .requiredOption("--socket <address>", "HAProxy's runtime socket: its path, or host:port")
    .requiredOption("--map <name>", "the map of revocations, as HAProxy's configuration names it")
    .requiredOption("--state-map <name>", "the map that says until when they hold")
    .action((options: HaproxyOptions, command: Command) =>
      withLocalSession(command, async () => {
        for (const name of [options.map, options.stateMap])
          if (!mapShape.test(name))
            throw new CommandError(exitCodes.usage, "map_invalid", `${name} is no name of a map: give its path or #id`);
        await followFor("haproxy", options, (follow, onError) => {
          const maps = createHaproxyMaps({
            socket: haproxySocket(options.socket),
            revocations: options.map,
            state: options.stateMap,
            mark: 1 + Math.floor(Math.random() * markMax),
          });
          return createHaproxyAgent({ follow, maps, now: Date.now, onError });
        });
      }),
    );
  following(agent.command("opa"))
    .description("serve the feed as bundles to one Open Policy Agent on this machine")
    .option("--port <port>", "where OPA fetches them, on 127.0.0.1", portNumber, opaPortUsual)
    .action((options: OpaOptions, command: Command) =>
      withLocalSession(command, () =>
        followFor(
          "opa",
          options,
          (follow, onError) => createOpaAgent({ follow, now: Date.now, onError }),
          ({ routes }) => ({ routes, port: options.port }),
        ),
      ),
    );
  return agent;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new InvalidArgumentError("a port is 1 to 65535");
  return port;
}

function following(command: Command): Command {
  return command
    .requiredOption("--feed <url>", "the feed to follow, as in https://rollcall.example/v1/feeds/acme")
    .requiredOption("--feed-token-file <path>", "a file that holds a feed token")
    .requiredOption("--gateway <name>", "the name that `rollcall gateway list` shows")
    .option("--keys-file <path>", "a key set to verify the feed with; without it, the one that the feed publishes")
    .option("--persist <path>", "a file to keep the feed in, so that a restart needs no snapshot");
}

type Follow = Parameters<typeof createHaproxyAgent>[0]["follow"];
type Agent = { start(): Promise<void>; close(): Promise<void> };

/** Runs an agent until the process is told to stop; where it answers requests, on this machine alone. */
async function followFor<Kind extends Agent>(
  name: string,
  options: FollowOptions,
  create: (follow: Follow, onError: (error: Error) => void) => Kind,
  serve?: (agent: Kind) => { readonly routes: FastifyPluginAsync; readonly port: number },
): Promise<void> {
  const feed = feedOptionsOf(options);
  const report: { onError: (error: Error) => void } = { onError: () => {} };
  const onError = (error: Error): void => report.onError(error);
  const agent = refusingOptions(() => create((onChange) => createEntryFollower({ feed, onChange, onError }), onError));
  await runProcess(`gateway agent ${name}`, [], async ({ log, shutdown }) => {
    report.onError = (error) => log.warn({ problem: error.message }, "the gateway goes on with what it was told");
    shutdown.add("agent", () => agent.close());
    if (serve !== undefined) {
      const { routes, port } = serve(agent);
      const app = createServer(log, { ready: async () => true }, shutdown);
      await listen(app, [routes], { host: "127.0.0.1", port }, shutdown);
    }
    await agent.start();
  });
  return new Promise(() => undefined);
}

function feedOptionsOf({ feed: url, feedTokenFile, gateway, keysFile, persist }: FollowOptions): FeedOptions {
  const keys = keysFile === undefined ? undefined : keysOf(keysFile);
  return {
    url,
    token: readText(feedTokenFile).trim(),
    gateway,
    ...(keys === undefined ? {} : { keys }),
    ...(persist === undefined ? {} : { persistPath: persist }),
  };
}

function keysOf(file: string): NonNullable<FeedOptions["keys"]> {
  try {
    return JSON.parse(readText(file)) as NonNullable<FeedOptions["keys"]>;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(exitCodes.usage, "keys_unreadable", `${file} is no JSON Web Key Set`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? "unknown error";
    throw new CommandError(exitCodes.usage, "file_unreadable", `${file} cannot be read: ${why}`);
  }
}

function refusingOptions<Made>(make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof GuardConfigError)) throw error;
    throw new CommandError(exitCodes.usage, "options_invalid", error.problems.join("\n"));
  }
}
