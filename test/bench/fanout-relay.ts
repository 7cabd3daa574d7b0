import { createServer, type IncomingHttpHeaders, request } from "node:http";

/** A relay that needs no trust: it asks once for what many ask, and passes on what it was told, signature and all. */
type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

// The bench starts it with where to ask, as a relay's owner would.
const upstream = process.argv[2] ?? "";
const token = process.argv[3] ?? "";
const keptMs = 1_000;
const asked = new Map<string, Promise<Answer>>();

function ask(path: string): Promise<Answer> {
  const known = asked.get(path);
  if (known !== undefined) return known;
  const answer = new Promise<Answer>((resolve, reject) => {
    request(`${upstream}${path}`, { headers: { authorization: `Bearer ${token}` } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 502, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    })
      .on("error", reject)
      .end();
  });
  asked.set(path, answer);
  const forget = (): void => void asked.delete(path);
  answer.then(({ status }) => (status === 200 ? setTimeout(forget, keptMs) : forget()), forget);
  return answer;
}

const server = createServer((incoming, outgoing) => {
  ask(incoming.url ?? "/").then(
    ({ status, headers, body }) => {
      const { connection: _, "transfer-encoding": __, ...kept } = headers;
      outgoing.writeHead(status, kept).end(body);
    },
    () => outgoing.writeHead(502).end(),
  );
});
server.listen(0, "127.0.0.1", () => process.send?.(server.address()));
process.on("disconnect", () => process.exit(0));
