import { createServer, connect, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What becomes of the bytes that pass from now on. */
export type Weather = {
  /** How long each piece waits; up to `jitterMs` more, by chance. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  readonly bytesPerSec?: number;
  /**
   * Bytes vanish and nobody is told, as behind a firewall that forgot the connection. A connection that
   * lost some is lost for good: better weather brings back none of them.
   */
  readonly swallows?: boolean;
};

/** What may pass of some bytes, and whether the connection is reset behind them. */
export type Passage = { readonly pass: Buffer; readonly cut: boolean };

/** Sees the bytes of one connection, in both directions. */
export type Watch = { toServer(bytes: Buffer): Passage; toClient(bytes: Buffer): Passage };

/** A TCP proxy in front of one port, for one client, whose weather can be changed while it works. */
export type Link = {
  readonly port: number;
  change(weather: Weather): void;
  /** Resets every connection (RST). Answers how many there were. */
  reset(): number;
  /** Ends what was lost, as the time limits of both ends would much later. */
  bury(): void;
  close(): Promise<void>;
};

type Pair = { readonly client: Socket; readonly server: Socket; lost: boolean };

const letPass = (bytes: Buffer): Passage => ({ pass: bytes, cut: false });
const unwatched: Watch = { toServer: letPass, toClient: letPass };

export async function openLink(targetPort: number, watch: () => Watch = () => unwatched): Promise<Link> {
  const pairs = new Set<Pair>();
  let weather: Weather = {};

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const pair: Pair = { client, server, lost: false };
    pairs.add(pair);
    const watched = watch();
    pump(pair, client, server, watched.toServer, () => weather);
    pump(pair, server, client, watched.toClient, () => weather);
    for (const socket of [client, server])
      socket.once("close", () => {
        if (client.destroyed && server.destroyed) pairs.delete(pair);
      });
  });
  await listen(listener);
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("a link has no port");

  const end = (chosen: readonly Pair[]): number => {
    for (const pair of chosen) {
      pair.lost = false;
      cut(pair);
    }
    return chosen.length;
  };
  return {
    port: address.port,
    change: (next) => {
      weather = next;
    },
    reset: () => end([...pairs].filter(({ lost }) => !lost)),
    bury: () => void end([...pairs].filter(({ lost }) => lost)),
    close: async () => {
      const closed = new Promise((resolve) => listener.close(resolve));
      end([...pairs]);
      await closed;
    },
  };
}

/** Carries what one side says to the other, piece by piece and in order, as the weather is. */
function pump(pair: Pair, from: Socket, to: Socket, watch: (bytes: Buffer) => Passage, weather: () => Weather): void {
  let line: Promise<void> = Promise.resolve();
  const inTurn = (step: () => Promise<void> | void): void => {
    line = line.then(step).catch(() => undefined);
  };
  async function carry(bytes: Buffer): Promise<void> {
    const { latencyMs = 0, jitterMs = 0, bytesPerSec } = weather();
    const waitMs =
      latencyMs + jitterMs * Math.random() + (bytesPerSec === undefined ? 0 : (1_000 * bytes.length) / bytesPerSec);
    if (waitMs > 0) await delay(waitMs);
    if (weather().swallows === true) pair.lost = true;
    if (pair.lost) return;
    const passage = watch(bytes);
    if (passage.pass.length > 0 && to.writable) to.write(passage.pass);
    if (passage.cut) cut(pair);
  }
  from.on("data", (bytes: Buffer) => {
    from.pause();
    inTurn(async () => {
      await carry(bytes);
      from.resume();
    });
  });
  from.on("end", () =>
    inTurn(() => {
      if (weather().swallows === true) pair.lost = true;
      if (!pair.lost) to.end();
    }),
  );
  from.on("error", () => undefined);
  from.on("close", (failed) =>
    inTurn(() => {
      if (pair.lost) return;
      if (failed) to.resetAndDestroy();
      else to.end();
    }),
  );
}

function cut({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}

function listen(listener: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", () => resolve());
  });
}
