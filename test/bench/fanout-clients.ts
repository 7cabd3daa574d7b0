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
// More would overflow the backlog of a listener, and wait for TCP to try again.
const startingMax = 200;

/** Gateways as light as they can be, so that what is measured is the feed: a socket and a cursor each. */
function startClients({ port, path, cursor, tokens, count }: Exclude<ClientOrder, "stop">): void {
  const sockets: Socket[] = [];
  let received: [number, number][] = [];
  let answered = 0;
  const onSeq = (seq: number): void => void received.push([seq, Date.now()]);
  const onAnswered = (): void => {
    answered += 1;
    if (answered === count) tell({ waiting: answered });
  };

  const starting = setInterval(() => {
    for (let one = 0; one < startAtOnce && sockets.length - answered < startingMax; one += 1) {
      if (sockets.length === count) return clearInterval(starting);
      const token = tokens[sockets.length % tokens.length] ?? "";
      sockets.push(follow({ port, path, token, cursor, onAnswered, onSeq }));
    }
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

type Following = {
  readonly port: number;
  readonly path: string;
  readonly token: string;
  readonly cursor: string;
  /** Called with the first answer, which is not waited for: from then on the gateway follows. */
  readonly onAnswered: () => void;
  readonly onSeq: (seq: number) => void;
};

function follow({ port, path, token, cursor: from, onAnswered, onSeq }: Following): Socket {
  const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
  let cursor = from;
  let isAnswered = false;
  let held: Buffer = Buffer.alloc(0);
  const ask = (): void =>
    void socket.write(
      `GET ${path}?since=${cursor}&wait=${isAnswered ? waitSec : 0} HTTP/1.1\r\nhost: feed\r\nauthorization: Bearer ${token}\r\n\r\n`,
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
    if (!isAnswered) onAnswered();
    isAnswered = true;
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
