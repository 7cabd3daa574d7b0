import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { checkpointHeader, type CheckpointClaims, snapshotMediaType } from "@rollcall/guard";
import { createSigner } from "@rollcall/guard/measuring";
import type { JSONWebKeySet } from "jose";

export type BenchFeed = {
  readonly url: string;
  readonly keys: JSONWebKeySet;
  close(): Promise<void>;
};

const name = "bench";
const maxStaleSec = 600;
const linesPerPart = 10_000;

/** A feed that holds so many denials of an issuer's subjects, and nothing ever happens. */
export async function startBenchFeed(issuer: string, entries: number): Promise<BenchFeed> {
  const signer = await createSigner("bench-feed");
  const body = snapshotOf(issuer, entries);
  const bodySha256 = createHash("sha256").update(body).digest("base64url");
  const checkpoint = (more: Partial<CheckpointClaims> = {}): Promise<string> => {
    const iat = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: "bench",
      feed: name,
      epoch: 1,
      seq: entries,
      as_of: iat,
      iat,
      exp: iat + maxStaleSec,
      ...more,
    };
    return signer.sign(claims satisfies CheckpointClaims);
  };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://feed");
    const answer = async (): Promise<void> => {
      if (pathname.endsWith("/receipts")) response.writeHead(204).end();
      else if (pathname.endsWith("/snapshot")) response.writeHead(302, { location: `/snapshots/1-${entries}` }).end();
      else if (pathname.endsWith("/changes")) response.writeHead(304, { [checkpointHeader]: await checkpoint() }).end();
      else
        response
          .writeHead(200, {
            "content-type": snapshotMediaType,
            [checkpointHeader]: await checkpoint({ body_sha256: bodySha256 }),
          })
          .end(body);
    };
    answer().catch((error: Error) => response.destroy(error));
  });
  // While tokens are minted nobody polls for seconds; a connection that was closed meanwhile would be noise.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/feeds/${name}`,
    keys: signer.jwks,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function snapshotOf(issuer: string, entries: number): Buffer {
  const header = { v: 1, feed: name, epoch: 1, seq: entries, n: entries, iss: [issuer], max_stale: maxStaleSec };
  const parts = [Buffer.from(`${JSON.stringify(header)}\n`)];
  const exp = Math.floor(Date.now() / 1_000) + 86_400;
  for (let start = 1; start <= entries; start += linesPerPart) {
    const count = Math.min(linesPerPart, entries - start + 1);
    const lines = Array.from(
      { length: count },
      (_, at) => `{"q":${start + at},"op":"deny","i":0,"s":"${randomUUID()}","exp":${exp},"r":"deleted","ev":1}\n`,
    );
    parts.push(Buffer.from(lines.join("")));
  }
  return Buffer.concat(parts);
}
