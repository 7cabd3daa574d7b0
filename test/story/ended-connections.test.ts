import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { createWaker, startLaneWorker } from "@rollcall/core/queue";
import { cloneDatabase } from "../harness/house.ts";
import { until } from "../harness/until.ts";

// "Ready for query", the last thing that PostgreSQL says before it is asked, and its last words when it is told to go.
const ready = Buffer.from("5a0000000549", "hex");
const lastWords = errorResponse({ S: "FATAL", V: "FATAL", C: "57P01", M: "terminating connection" });

test("a worker whose connections end in the moment they are made takes nothing with it, and works once they last", async () => {
  const databaseUrl = await cloneDatabase();
  const way = await openWay(Number(new URL(databaseUrl).port));
  const through = new URL(databaseUrl);
  through.port = String(way.port);
  // Whatever nobody listens to ends a process.
  let unheard = 0;
  const count = (): void => void (unheard += 1);
  process.on("uncaughtExceptionMonitor", count);
  const lanes: number[] = [];
  const worker = startLaneWorker(
    { databaseUrl: through.href, redisUrl: undefined },
    (lane) => Promise.resolve(lanes.push(lane)),
    () => undefined,
  );
  const waker = createWaker({ databaseUrl, redisUrl: undefined }, () => undefined);
  try {
    waker.wake([7]);
    await until("the worker works", () => lanes.includes(7));
    way.end();
    const { ended } = way;
    await until("it has tried again and again", () => way.ended > ended + 20);
    way.last();
    waker.wake([8]);
    await until("it works again", () => lanes.includes(8));
    expect(unheard).toBe(0);
  } finally {
    await Promise.all([worker.close(), waker.close()]);
    process.off("uncaughtExceptionMonitor", count);
    way.close();
  }
});

/** A way to PostgreSQL on which a connection ends with its first answer, in the same piece, for as long as that is wanted. */
async function openWay(port: number) {
  const sockets = new Set<Socket>();
  let ending = false;
  let ended = 0;
  const server = createServer((socket) => {
    const beyond = connect({ host: "127.0.0.1", port });
    for (const end of [socket, beyond]) {
      sockets.add(end);
      end.on("error", () => undefined);
      end.on("close", () => [socket, beyond].forEach((one) => one.destroy()));
    }
    socket.pipe(beyond);
    beyond.on("data", (piece: Buffer) => {
      if (!ending || !piece.includes(ready)) return void socket.write(piece);
      ended += 1;
      socket.end(Buffer.concat([piece, lastWords]));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const close = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as { readonly port: number }).port,
    get ended() {
      return ended;
    },
    end: () => {
      ending = true;
      close();
    },
    last: () => void (ending = false),
    close: () => {
      close();
      server.close();
    },
  };
}

/** PostgreSQL, "Message Formats": ErrorResponse. */
function errorResponse(fields: Readonly<Record<string, string>>): Buffer {
  const body = Buffer.from(
    `${Object.entries(fields)
      .flatMap(([type, value]) => `${type}${value}\0`)
      .join("")}\0`,
  );
  const head = Buffer.alloc(5, "E");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
