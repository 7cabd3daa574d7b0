/** A plain server: with the guard in its process where GUARD holds the guard's options, and without any check else. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createGuard, type GuardOptions } from "@rollcall/guard";
import { protect } from "@rollcall/guard/http";

const body = JSON.stringify({ orders: [{ id: "4711", state: "sent" }] });
const answer: RequestListener = (_request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
};

const { GUARD: options, PORT: port } = process.env;
createServer(options === undefined ? answer : await guarded(JSON.parse(options) as GuardOptions)).listen(
  Number(port),
  "127.0.0.1",
);

async function guarded(guardOptions: GuardOptions): Promise<RequestListener> {
  const guard = createGuard({ ...guardOptions, onError: (error) => process.stderr.write(`${error.message}\n`) });
  await guard.start();
  const listener = protect(guard, (request: IncomingMessage, response: ServerResponse) => answer(request, response));
  return (request, response) => void listener(request, response);
}
