/** One event of a stream. Data lines are bytes, as what they sign is. */
export type ServerSentEvent = { readonly event: string; readonly data: readonly Buffer[] };

const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/** Reads server-sent events (HTML Living Standard §9.2.6), whose lines end with a line feed. Throws for an event larger than it may be. */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncIterable<ServerSentEvent> {
  let event = "message";
  let data: Buffer[] = [];
  let bytes = 0;
  for await (const line of readLines(chunks, bytesMax)) {
    if (line.length === 0) {
      if (data.length > 0) yield { event, data };
      [event, data, bytes] = ["message", [], 0];
      continue;
    }
    bytes += line.length;
    if (bytes > bytesMax) throw new Error(`an event is larger than ${bytesMax} bytes`);
    const { field, value } = parseField(line);
    if (field === "event") event = value.toString("utf8");
    else if (field === "data") data.push(value);
  }
}

async function* readLines(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncIterable<Buffer> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, end)]);
      yield line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
      [parts, bytes, start] = [[], 0, end + 1];
    }
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > bytesMax) throw new Error(`a line is larger than ${bytesMax} bytes`);
  }
}

/** A line that begins with a colon is a comment, and has no field. */
function parseField(line: Buffer): { readonly field: string; readonly value: Buffer } {
  const colon = line.indexOf(":");
  if (colon === -1) return { field: line.toString("utf8"), value: Buffer.alloc(0) };
  const start = line[colon + 1] === space ? colon + 2 : colon + 1;
  return { field: line.toString("utf8", 0, colon), value: line.subarray(start) };
}
