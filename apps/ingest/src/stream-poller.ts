import { type QueueAddress, startSchedules } from "@rollcall/core/queue";
import { AddressRefused, AnswerTooLong, type Logger, type Outward } from "@rollcall/core/runtime";
import {
  type Credentials,
  type Database,
  findConnection,
  noteSourceTrouble,
  type PolledStream,
  readConnectionSchemas,
  releaseStream,
  sourceSecretPurpose,
  streamsToPoll,
  takeStream,
} from "@rollcall/core/store";
import { createEventIntake } from "./hooks/event-intake.ts";
import { createIssuerKeys } from "./hooks/issuer-keys.ts";
import { PollFailed, type PollPace, pollStream, type PollTools } from "./hooks/stream-poll.ts";
import { createConnectionSchemas } from "./scim/connection-schemas.ts";

export type StreamPoller = { close(): Promise<void> };

export type StreamPollerOptions = {
  readonly database: Database;
  readonly credentials: Credentials;
  readonly queue: QueueAddress;
  readonly outward: Outward;
  readonly wake: (lanes: readonly number[], denying: boolean) => void;
  readonly log: Logger;
  readonly newId: () => string;
  readonly now?: () => number;
  /** For a story that cannot wait. */
  readonly pace?: Partial<PollPace & { readonly everyMs: number; readonly backOffMs: number }>;
};

const atOnceMax = 64;
/** After so many failures in a row a person is told. */
const failuresQuiet = 5;
const backOffMsMax = 300_000;
/** What a turn may take beside its questions. */
const marginMs = 10_000;

/**
 * Polls the transmitters of all tenants, each in a turn of its own, so that a slow one keeps nobody
 * waiting. Any number of processes may: a stream is leased from the database to one of them for a turn.
 */
export function startStreamPoller(options: StreamPollerOptions): StreamPoller {
  const { database, credentials, log } = options;
  const { everyMs = 2_000, backOffMs = 2_000, waitMs = 40_000, turnMs = 20_000, eventsMax = 100 } = options.pace ?? {};
  const pace = { waitMs, turnMs, eventsMax };
  const key = credentials.keyFor(sourceSecretPurpose);
  const tools = toolsOf(options);
  const closing = new AbortController();
  const busy = new Map<string, Promise<void>>();

  async function turn(tenantId: string, id: string): Promise<void> {
    const stream = await takeStream(database, key, tenantId, id, turnMs + waitMs + marginMs);
    if (stream === undefined) return;
    const after = await poll(stream);
    await releaseStream(database, tenantId, id, after);
    if (after.trouble === undefined) return;
    await noteSourceTrouble(
      database,
      tenantId,
      { id, connectionId: stream.connection.id },
      after.trouble,
      options.newId(),
    );
  }
  async function poll(stream: PolledStream): Promise<After> {
    const healed = stream.failures >= failuresQuiet ? null : undefined;
    try {
      const { trouble } = await pollStream(tools, stream, pace, closing.signal);
      return { nextMs: 0, failures: 0, trouble: trouble === undefined ? healed : trouble };
    } catch (error) {
      // Whoever stops has not failed; somebody else goes on at once.
      if (closing.signal.aborted) return { nextMs: 0, failures: stream.failures, trouble: undefined };
      const failures = stream.failures + 1;
      const fault = faultOf(error);
      log.warn({ source: stream.id, failures, fault }, "a stream could not be polled and will be tried again");
      const nextMs = Math.max(backedOff(failures, backOffMs), (error as PollFailed).retryAfterMs ?? 0);
      return { nextMs, failures, trouble: failures === failuresQuiet ? `polling fails: ${fault}` : undefined };
    }
  }
  function begin(tenantId: string, id: string): void {
    if (busy.has(id) || busy.size >= atOnceMax || closing.signal.aborted) return;
    const taken = turn(tenantId, id)
      .catch((error: unknown) => log.error({ err: error, source: id }, "a stream could not be taken in hand"))
      .finally(() => busy.delete(id));
    busy.set(id, taken);
  }
  const run = async (): Promise<void> => {
    for (const { tenantId, id } of await streamsToPoll(database)) begin(tenantId, id);
  };
  const schedules = startSchedules(options.queue, [{ name: "poll-streams", everyMs, run }], (error) =>
    log.warn({ err: error }, "the queue failed; streams are polled all the same"),
  );
  return {
    close: async () => {
      closing.abort();
      await schedules.close();
      await Promise.all(busy.values());
    },
  };
}

type After = { readonly nextMs: number; readonly failures: number; readonly trouble: string | null | undefined };

function toolsOf({ database, outward, wake, newId, now = Date.now }: StreamPollerOptions): PollTools {
  const schemasOf = createConnectionSchemas((tenantId, connectionId) =>
    readConnectionSchemas(database, tenantId, connectionId),
  );
  const intake = createEventIntake({ database, schemasOf, wake, newId });
  const isPaused: PollTools["isPaused"] = async ({ connection: { tenantId, id } }) =>
    (await findConnection(database, tenantId, id))?.pausedAt !== undefined;
  return { keys: createIssuerKeys({ outward, now }), outward, intake, isPaused, now };
}

/** Twice as long after each failure, give or take a half, so that what failed together does not come back together. */
function backedOff(failures: number, backOffMs: number): number {
  return Math.min(backOffMs * 2 ** Math.min(failures - 1, 20), backOffMsMax) * (0.5 + Math.random());
}

/** What went wrong, without the address that it may name. */
function faultOf(error: unknown): string {
  if (error instanceof PollFailed) return error.message;
  if (error instanceof AddressRefused) return "the address may not be asked";
  if (error instanceof AnswerTooLong) return "the answer is too long";
  const { name, code } = error as { readonly name?: string; readonly code?: unknown };
  if (name === "TimeoutError" || name === "AbortError") return "timed out";
  return typeof code === "string" ? code : "not asked";
}
