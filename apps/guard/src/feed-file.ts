import { randomUUID } from "node:crypto";
import { appendFile, open, readFile, rename, rm } from "node:fs/promises";
import { FeedError } from "./feed-error.ts";
import type { Received } from "./feed-intake.ts";

export type FeedFile = {
  /** The records that can be read; `torn` if anything after them cannot. */
  readonly load: () => Promise<{ readonly records: readonly Received[]; readonly torn: boolean }>;
  /** Replaces the file by one that starts with this snapshot. */
  readonly begin: (record: Received) => Promise<void>;
  readonly append: (record: Received) => Promise<void>;
  /** More follows the snapshot than the snapshot is worth. */
  readonly overgrown: () => boolean;
};

const newline = 0x0a;
const headMax = 8 * 1024;
const tailBytesMin = 1024 * 1024;
const kinds: readonly unknown[] = ["snapshot", "changes", "unchanged"];

/** The feed on disk: a snapshot and the answers since, as they came, to be verified again when read back. Each record is a line of JSON, its body, and a newline. */
export function createFeedFile(path: string): FeedFile {
  let headBytes = 0;
  let tailBytes = 0;
  /** After a record that was not written whole, more would only follow a tear. */
  let broken = false;

  return {
    load: async () => {
      const file = await readIfThere(path);
      if (file === undefined) return { records: [], torn: false };
      const { records, end } = readRecords(file);
      headBytes = records[0]?.body.length ?? 0;
      tailBytes = file.length - headBytes;
      return { records, torn: end !== file.length };
    },
    begin: async (record) => {
      const bytes = frame(record);
      const draft = `${path}.${randomUUID()}`;
      try {
        const file = await open(draft, "wx", 0o600);
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
      } catch (cause) {
        await rm(draft, { force: true });
        throw new FeedError("file_unusable", `cannot write ${path}`, { cause });
      }
      headBytes = bytes.length;
      tailBytes = 0;
      broken = false;
    },
    append: async (record) => {
      const bytes = frame(record);
      tailBytes += bytes.length;
      if (broken) return;
      await appendFile(path, bytes, { mode: 0o600 }).catch((cause: unknown) => {
        broken = true;
        throw new FeedError("file_unusable", `cannot write ${path}`, { cause });
      });
    },
    overgrown: () => tailBytes > Math.max(tailBytesMin, headBytes),
  };
}

function frame({ kind, checkpoint, body }: Received): Buffer {
  return Buffer.concat([
    Buffer.from(`${JSON.stringify({ kind, checkpoint, bytes: body.length })}\n`),
    body,
    Buffer.from("\n"),
  ]);
}

function readRecords(file: Buffer): { readonly records: readonly Received[]; readonly end: number } {
  const records: Received[] = [];
  let end = 0;
  while (end < file.length) {
    const headEnd = file.subarray(end, end + headMax).indexOf(newline);
    if (headEnd === -1) break;
    const head = readHead(file.toString("utf8", end, end + headEnd));
    if (head === undefined) break;
    const start = end + headEnd + 1;
    const next = start + head.bytes;
    if (file[next] !== newline) break;
    records.push({ kind: head.kind, checkpoint: head.checkpoint, body: file.subarray(start, next) });
    end = next + 1;
  }
  return { records, end };
}

function readHead(line: string): (Omit<Received, "body"> & { readonly bytes: number }) | undefined {
  try {
    const { kind, checkpoint, bytes } = JSON.parse(line) as Record<string, unknown>;
    const readable =
      kinds.includes(kind) && typeof checkpoint === "string" && Number.isSafeInteger(bytes) && (bytes as number) >= 0;
    return readable ? { kind: kind as Received["kind"], checkpoint, bytes: bytes as number } : undefined;
  } catch {
    return undefined;
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FeedError("file_unusable", `cannot read ${path}`, { cause });
  }
}
