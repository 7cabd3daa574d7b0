import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

/** One request of a load, as far as HTTP/1.1 needs it. */
export type LoadRequest = {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  /** Beside those of the target, as `Name: value`. */
  readonly headers?: readonly string[];
  /** The statuses of success, for not all servers choose the same. */
  readonly statuses: readonly number[];
};

export type LoadTarget = { readonly host: string; readonly port: number; readonly headers: readonly string[] };

/**
 * Sends `count` requests over `concurrency` connections that are kept open, and answers how many were
 * answered in a second. Costs the client little, so that what is measured is the server. Throws
 * where an answer has another status than the request says.
 */
export async function runLoad(
  target: LoadTarget,
  concurrency: number,
  count: number,
  requestOf: (number: number) => LoadRequest,
  onAnswer: (text: string) => void = () => undefined,
): Promise<number> {
  let next = 0;
  const connections = await Promise.all(Array.from({ length: concurrency }, () => open(target)));
  const startedAt = performance.now();
  await Promise.all(
    connections.map(async (connection) => {
      while (next < count) {
        const wanted = requestOf(next++);
        const answer = await connection.send(wanted);
        if (!wanted.statuses.includes(answer.status))
          throw new Error(
            `${wanted.method} ${wanted.path} was answered ${answer.status}: ${answer.text.slice(0, 300)}`,
          );
        onAnswer(answer.text);
      }
    }),
  );
  const perSec = (count * 1000) / (performance.now() - startedAt);
  for (const { close } of connections) close();
  return perSec;
}

export type Answer = { readonly status: number; readonly text: string };
type Connection = { send(request: LoadRequest): Promise<Answer>; close(): void };

/** One connection that carries one request at a time. */
export async function open({ host, port, headers }: LoadTarget): Promise<Connection> {
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  const read = reader(socket);
  const common = [`Host: ${host}:${port}`, ...headers].join("\r\n");
  return {
    send: ({ method, path, body, headers: own = [] }) => {
      const content =
        body === undefined
          ? ""
          : `Content-Type: application/scim+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
      const named = own.map((header) => `${header}\r\n`).join("");
      socket.write(`${method} ${path} HTTP/1.1\r\n${common}\r\n${named}${content}\r\n${body ?? ""}`);
      return read();
    },
    close: () => socket.destroy(),
  };
}

function reader(socket: Socket): () => Promise<Answer> {
  let held = Buffer.alloc(0);
  let waiting: { resolve(answer: Answer): void; reject(error: Error): void } | undefined;
  socket.on("data", (bytes) => {
    held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    const answer = waiting === undefined ? undefined : takeAnswer();
    if (answer === undefined) return;
    waiting?.resolve(answer);
  });
  for (const event of ["error", "close"] as const) {
    socket.on(event, () => waiting?.reject(new Error("the server ended a connection")));
  }

  function takeAnswer(): Answer | undefined {
    const end = held.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const head = held.toString("latin1", 0, end);
    const status = Number(head.slice(9, 12));
    const length =
      status === 204 || status === 304 ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) throw new Error("an answer does not say its length");
    if (held.length < end + 4 + length) return undefined;
    const text = held.toString("utf8", end + 4, end + 4 + length);
    held = held.subarray(end + 4 + length);
    return { status, text };
  }

  return () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
}
