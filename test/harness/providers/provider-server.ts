import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** What a provider was asked. */
export type Asked = {
  readonly method: string;
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly form: URLSearchParams;
  /** The body as it came. */
  readonly text: string;
};

/** What it answers. `cutAt` breaks the connection off after so many bytes of the body, `hold` keeps it until it is let go. */
export type Reply = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly cutAt?: number;
  readonly hold?: (letGo: () => void) => void;
};

/** A real HTTP server that speaks as a provider does, until a story has it lie. */
export type ProviderServer = {
  readonly origin: string;
  readonly asked: Asked[];
  /** Has the next answers pass through this; undefined is the truth again. */
  meddle(lie: ((reply: Reply, asked: Asked) => Reply) | undefined): void;
  close(): Promise<void>;
};

/** `answer` speaks for the provider; the origin is known once the server listens. */
export async function startProviderServer(
  answer: (asked: Asked, origin: string) => Reply | Promise<Reply>,
): Promise<ProviderServer> {
  const asked: Asked[] = [];
  let lie: ((reply: Reply, asked: Asked) => Reply) | undefined;
  let origin = "";
  const server = createServer((request, response) => {
    void (async () => {
      const text = await textOf(request);
      const one: Asked = {
        method: request.method ?? "",
        url: new URL(request.url ?? "/", origin),
        authorization: request.headers.authorization,
        form: new URLSearchParams(text),
        text,
      };
      asked.push(one);
      const told = await answer(one, origin);
      const { status, headers = {}, body, cutAt, hold } = lie === undefined ? told : lie(told, one);
      if (hold !== undefined) await new Promise<void>(hold);
      const said = typeof body === "string" ? body : JSON.stringify(body);
      response.writeHead(status, {
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(said)),
        ...headers,
      });
      if (cutAt === undefined) response.end(said);
      else response.write(said.slice(0, cutAt), () => response.destroy());
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    asked,
    meddle: (next) => {
      lie = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Which people a directory of a story has; each vendor's server writes them in its own words. */
export type Person = {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly active: boolean;
};

/** A group of a story; members are ids of people, of other groups, or of what is neither. */
export type Gathering = { readonly id: string; readonly name: string; readonly members: readonly string[] };

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request.setEncoding("utf8") as AsyncIterable<string>) text += piece;
  return text;
}
