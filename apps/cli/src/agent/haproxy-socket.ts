import { connect } from "node:net";

/** HAProxy's runtime API (Management Guide §9.3). */
export type HaproxySocket = {
  /** Sends commands and answers what HAProxy says. Throws where it does not answer in time. */
  ask(commands: string): Promise<string>;
};

const timeoutMs = 5_000;
const answerBytesMax = 1024 * 1024;

/** `address` is the path of a UNIX socket, or host:port. Each question has a connection of its own: its end is the answer's. */
export function haproxySocket(address: string): HaproxySocket {
  const [, host, port] = /^([^/]+):(\d+)$/.exec(address) ?? [];
  const target = host === undefined || port === undefined ? { path: address } : { host, port: Number(port) };
  return {
    ask: (commands) =>
      new Promise((resolve, reject) => {
        const pieces: Buffer[] = [];
        let bytes = 0;
        // HAProxy answers half-closed connections: the end of the commands is the end of what we send.
        const socket = connect({ ...target, allowHalfOpen: true });
        const fail = (error: Error): void => {
          socket.destroy();
          reject(new Error(`HAProxy at ${address}: ${error.message}`, { cause: error }));
        };
        socket.setTimeout(timeoutMs, () => fail(new Error(`no answer within ${timeoutMs} ms`)));
        socket.once("error", fail);
        socket.on("data", (piece: Buffer) => {
          pieces.push(piece);
          bytes += piece.length;
          if (bytes > answerBytesMax) fail(new Error(`it says more than ${answerBytesMax} bytes`));
        });
        socket.once("end", () => {
          socket.destroy();
          resolve(Buffer.concat(pieces).toString("utf8").trim());
        });
        socket.end(`${commands}\n`);
      }),
  };
}
