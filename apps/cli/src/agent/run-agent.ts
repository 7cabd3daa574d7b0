import { createServer, listen, runProcess } from "@rollcall/core/runtime";
import { type FeedOptions, GuardConfigError } from "@rollcall/guard";
import { createEntryFollower } from "@rollcall/guard/entries";
import type { FastifyPluginAsync } from "fastify";
import { CommandError } from "../admin-api.ts";
import { exitCodes } from "../exit-codes.ts";
import { readGiven } from "../given-file.ts";
import { createHaproxyAgent } from "./haproxy-agent.ts";
import { createHaproxyMaps } from "./haproxy-maps.ts";
import { haproxySocket } from "./haproxy-socket.ts";
import { createOpaAgent } from "./opa-agent.ts";

type FollowOptions = {
  readonly feed: string;
  readonly feedTokenFile: string;
  readonly gateway: string;
  readonly keysFile?: string;
  readonly persist?: string;
};
export type OpaOptions = FollowOptions & { readonly port: number };
export type HaproxyOptions = FollowOptions & {
  readonly socket: string;
  readonly map: string;
  readonly stateMap: string;
};

const mapShape = /^(?:#\d+|[\w./-]+)$/;
const markMax = 2 ** 31;

/** Keeps HAProxy's maps in step with the feed until the process is told to stop. */
export async function runHaproxyAgent(options: HaproxyOptions): Promise<void> {
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
}

/** Serves the feed as bundles until the process is told to stop. */
export async function runOpaAgent(options: OpaOptions): Promise<void> {
  await followFor(
    "opa",
    options,
    (follow, onError) => createOpaAgent({ follow, now: Date.now, onError }),
    ({ routes }) => ({ routes, port: options.port }),
  );
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
    token: readGiven(feedTokenFile).trim(),
    gateway,
    ...(keys === undefined ? {} : { keys }),
    ...(persist === undefined ? {} : { persistPath: persist }),
  };
}

function keysOf(file: string): NonNullable<FeedOptions["keys"]> {
  try {
    return JSON.parse(readGiven(file)) as NonNullable<FeedOptions["keys"]>;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(exitCodes.usage, "keys_unreadable", `${file} is no JSON Web Key Set`);
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
