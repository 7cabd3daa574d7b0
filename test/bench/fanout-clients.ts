import { createConnection, type Socket } from "node:net";

/** What the parent says: who asks whom, and when to stop. */
export type ClientOrder =
  | {
      readonly port: number;
      readonly path: string;
      readonly cursor: string;
      readonly tokens: readonly string[];
      readonly count: number;
    }
  | "stop";
/** What the clients say: that all of them wait, and when each sequence came to how many of them. */
export type ClientWord =
  | { readonly waiting: number }
  | { readonly received: readonly (readonly [seq: number, atMs: number])[] };

const tellEveryMs = 200;
const waitSec = 55;
const startEveryMs = 5;
const startAtOnce = 20;

/** Gateways as light as they can be, so that what is measured is the feed: a socket and a cursor each. */
function startClients({ port, path, cursor, tokens, count }: Exclude<ClientOrder, "stop">): void {
  const sockets: Socket[] = [];
  let received: [number, number][] = [];
  let started = 0;

  const starting = setInterval(() => {
    for (let one = 0; one < startAtOnce && started < count; one += 1) {
      sockets.push(
        follow(port, path, tokens[started % tokens.length] ?? "", cursor, (seq) => received.push([seq, Date.now()])),
      );
      started += 1;
    }
    if (started < count) return;
    clearInterval(starting);
    tell({ waiting: started });
  }, startEveryMs);
  const telling = setInterval(() => {
    if (received.length > 0) tell({ received });
    received = [];
  }, tellEveryMs);
  process.on("message", (order: ClientOrder) => {
    if (order !== "stop") return;
    clearInterval(telling);
    for (const socket of sockets) socket.destroy();
    process.disconnect();
  });
}

function follow(port: number, path: string, token: string, from: string, onSeq: (seq: number) => void): Socket {
  const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
  let cursor = from;
  let held: Buffer = Buffer.alloc(0);
  const ask = (): void =>
    void socket.write(
      `GET ${path}?since=${cursor}&wait=${waitSec} HTTP/1.1\r\nhost: feed\r\nauthorization: Bearer ${token}\r\n\r\n`,
    );
  socket.on("connect", ask);
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const end = held.indexOf("\r\n\r\n");
    if (end === -1) return;
    const head = held.toString("latin1", 0, end);
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    if (held.length < end + 4 + length) return;
    held = Buffer.alloc(0);
    const next = /^etag: "(\d+-(\d+))"/im.exec(head);
    if (next !== null && next[1] !== undefined && next[1] !== cursor) {
      for (let seq = Number(cursor.split("-")[1]) + 1; seq <= Number(next[2]); seq += 1) onSeq(seq);
      cursor = next[1];
    }
    ask();
  });
  return socket;
}

function tell(word: ClientWord): void {
  process.send?.(word);
}

process.once("message", (order: ClientOrder) => {
  if (order !== "stop") startClients(order);
});
