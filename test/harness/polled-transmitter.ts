import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { startStreamPoller, type StreamPoller, type StreamPollerOptions } from "@rollcall/ingest";
import { afterAll, onTestFinished } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { createOutward } from "@rollcall/core/runtime";
import { type House, quietLog } from "./house.ts";

export type Poll = {
  readonly maxEvents?: number;
  readonly returnImmediately?: boolean;
  readonly ack: readonly string[];
  readonly setErrs?: Readonly<Record<string, { readonly err: string; readonly description?: string }>>;
};

/** A transmitter that is polled (RFC 8936), as its specification has it unless a story says otherwise. */
export type PolledTransmitter = {
  readonly endpoint: string;
  /** What waits, by jti, until it is acknowledged or refused. */
  readonly waiting: Map<string, string>;
  readonly polls: Poll[];
  readonly authorizations: Set<string | undefined>;
  /** How many polls were open at once, at the most. */
  readonly openMax: () => number;
  /** Answers instead; true where it did. */
  answer: ((poll: Poll, response: ServerResponse) => boolean) | undefined;
};

export async function openPolledTransmitter(): Promise<PolledTransmitter> {
  let open = 0;
  let openMax = 0;
  const server = createServer((request, response) => {
    open += 1;
    openMax = Math.max(openMax, open);
    response.once("close", () => (open -= 1));
    void (async () => {
      let text = "";
      for await (const piece of request) text += String(piece);
      const poll = JSON.parse(text) as Poll;
      own.polls.push(poll);
      own.authorizations.add(request.headers.authorization);
      if (own.answer?.(poll, response) === true) return;
      for (const jti of [...poll.ack, ...Object.keys(poll.setErrs ?? {})]) own.waiting.delete(jti);
      const given = [...own.waiting].slice(0, poll.maxEvents ?? own.waiting.size);
      const sets = Object.fromEntries(given);
      const more = given.length < own.waiting.size ? { moreAvailable: true } : {};
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ sets, ...more }));
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const own: PolledTransmitter = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/poll`,
    waiting: new Map(),
    polls: [],
    authorizations: new Set(),
    openMax: () => openMax,
    answer: undefined,
  };
  return own;
}

/** Polls the streams of a house, until the test is over. */
export function startPoller(house: House, pace: StreamPollerOptions["pace"] = {}): StreamPoller {
  const { database, credentials, queue, waker } = house;
  const outward = createOutward({ loopback: true });
  const poller = startStreamPoller({
    database,
    credentials,
    queue,
    outward,
    wake: waker.wake,
    log: quietLog,
    newId,
    pace: { everyMs: 50, backOffMs: 50, waitMs: 5_000, turnMs: 2_000, ...pace },
  });
  onTestFinished(async () => {
    await poller.close();
    outward.close();
  });
  return poller;
}
