import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { DirectoryError, type Place } from "@rollcall/core/domain";

/** How a walk goes on from a page. */
export type Turn = {
  readonly side: "after" | "before";
  readonly place: Place;
  /** How many resources the walk's pages hold. */
  readonly count: number;
  /** How many there were when the walk began, where that had to be counted. */
  readonly total: number | undefined;
};

export type PageCursors = {
  /** Writes a turn so that nobody can read it or make one, and that it is worth nothing for another list. */
  seal(list: string, turn: Turn): string;
  /** Throws `cursor_invalid` for what this list was never given, and `cursor_expired`. */
  open(list: string, cursor: string): Turn;
};

/** RFC 9865 §4 `cursorTimeout`. */
export const cursorTimeoutSec = 3_600;

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;
// A key of 512 characters, all of which JSON escapes, and what goes with it.
const lengthMax = 8 * 1024;

/** Cursors (RFC 9865 §2): nothing is kept for them, so that there can be any number. The list is what is sealed in, unread. */
export function createPageCursors(key: Buffer, now: () => number): PageCursors {
  return {
    seal: (list, turn) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(Buffer.from(list));
      const untilMs = now() + 1_000 * cursorTimeoutSec;
      const sealed = Buffer.concat([cipher.update(JSON.stringify({ ...turn, untilMs }), "utf8"), cipher.final()]);
      return Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64url");
    },
    open: (list, cursor) => {
      const { untilMs, ...turn } = unsealed(key, list, cursor);
      if (untilMs > now()) return turn;
      throw new DirectoryError(
        "cursor_expired",
        `a cursor lives for ${cursorTimeoutSec} s; begin again with an empty one`,
      );
    },
  };
}

/** Opens a cursor for a request that asks for `count`, as every request of one walk does (RFC 9865 §2). Throws `count_invalid` too. */
export function openTurn(cursors: PageCursors, list: string, cursor: string, count: number): Turn {
  const turn = cursors.open(list, cursor);
  if (turn.count === count) return turn;
  throw new DirectoryError(
    "count_invalid",
    `count must be ${turn.count}, as in the request that this cursor began with`,
  );
}

function unsealed(key: Buffer, list: string, cursor: string): Turn & { readonly untilMs: number } {
  const bytes = Buffer.from(cursor.slice(0, lengthMax), "base64url");
  try {
    const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
      .setAAD(Buffer.from(list))
      .setAuthTag(bytes.subarray(-tagBytes));
    const opened = Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]);
    return JSON.parse(opened.toString()) as Turn & { readonly untilMs: number };
  } catch {
    throw new DirectoryError(
      "cursor_invalid",
      "this cursor was not given out for this list: send the same filter and sort with it, or begin with an empty one",
    );
  }
}
