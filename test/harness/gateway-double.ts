import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import { listen } from "../../apps/guard/src/testing/http-server.ts";

/** Headers in the order and the spelling they came in. */
export type Pairs = readonly (readonly [string, string])[];
export type Reply = { readonly status: number; readonly headers: Pairs; readonly body: string };
export type Question = { readonly method: string; readonly path: string; readonly headers: Pairs };
/** The request as the application is to see it, or what the client is answered in its place. */
export type Verdict = { readonly pass: Pairs } | { readonly answer: Reply };

/** What a proxy keeps for its own connections (RFC 9110 §7.6.1). */
const hopByHop = ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"];

/** Stands in for a gateway that is not at hand: passes on or answers as it is told, and adds nothing of its own. */
export async function startDouble(api: string, judge: (question: Question) => Promise<Verdict>): Promise<string> {
  const server = await listen((request, response) => {
    const question = { method: request.method ?? "", path: request.url ?? "", headers: pairsOf(request.rawHeaders) };
    judge(question)
      .then((verdict) =>
        "pass" in verdict ? passOn(api, request, verdict.pass, response) : reply(response, verdict.answer),
      )
      .catch((error: unknown) => response.destroy(error as Error));
  });
  onTestFinished(server.close);
  return server.origin;
}

/** Asks over HTTP, by exactly these headers; rejects where nobody answers in time. */
export function askOverHttp(origin: string, { method, path, headers }: Question, msMax: number): Promise<Reply> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const asked = httpRequest(
      { hostname, port, path, method, headers: headers.flat(), setHost: false, signal: AbortSignal.timeout(msMax) },
      (response) => {
        const chunks: Uint8Array[] = [];
        response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: pairsOf(response.rawHeaders),
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    asked.on("error", reject);
    asked.end();
  });
}

export function valueOf(headers: Pairs, name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

export function without(headers: Pairs, isUnwanted: (name: string) => boolean): Pairs {
  return headers.filter(([name]) => !isUnwanted(name.toLowerCase()));
}

export function withoutHopByHop(headers: Pairs): Pairs {
  return without(headers, (name) => hopByHop.includes(name));
}

/** Drops what the client names in Connection, and Connection itself, before anything is decided (RFC 9110 §7.6.1). */
export function withoutNominated(headers: Pairs): Pairs {
  const values = headers.filter(([name]) => name.toLowerCase() === "connection").map(([, value]) => value);
  const nominated = values.flatMap((value) => value.toLowerCase().split(",")).map((name) => name.trim());
  return without(headers, (name) => name === "connection" || nominated.includes(name));
}

function passOn(api: string, request: IncomingMessage, headers: Pairs, response: ServerResponse): void {
  const { hostname, port } = new URL(api);
  const { method, url: path } = request;
  const onward = httpRequest(
    { hostname, port, path, method, headers: withoutHopByHop(headers).flat(), setHost: false },
    (answer) => {
      response.writeHead(answer.statusCode ?? 0, withoutHopByHop(pairsOf(answer.rawHeaders)).flat());
      answer.pipe(response);
    },
  );
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

function reply(response: ServerResponse, { status, headers, body }: Reply): void {
  const kept = without(withoutHopByHop(headers), (name) => name === "content-length" || name === "date");
  response.writeHead(status, kept.flat()).end(body);
}

function pairsOf(rawHeaders: readonly string[]): Pairs {
  return rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ""] as const] : []));
}
