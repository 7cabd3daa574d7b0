import type { Passage, Watch } from "./proxy.ts";

/** On which side of a commit a connection is cut: before it has reached the server, or before its answer has reached the client. */
export type CutSide = "before" | "after";

/** Finds commits in what clients say to PostgreSQL (protocol 3.0), and cuts connections there. */
export type CommitWatch = {
  /** From now on cuts each commit that wrote something with this chance. */
  arm(side: CutSide, chance: number): void;
  disarm(): void;
  /** How many commits were cut so far. */
  count(): number;
  /** For one connection. */
  watch(): Watch;
};

type Frame = { readonly type: string; readonly bytes: Buffer };

const writing = /\b(?:INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\w+(?:\s+\w+)?\s+SET)\b/i;

export function createCommitWatch(): CommitWatch {
  let armed: { readonly side: CutSide; readonly chance: number } | undefined;
  let cuts = 0;

  function watch(): Watch {
    const commits = createCommitFinder();
    const fromClient = createFramer(true);
    const fromServer = createFramer(false);
    // The start is answered like a statement: with its parameters, and that the server is ready.
    let asked = 1;
    let answered = 0;
    let doomed: number | undefined;

    function toServer(bytes: Buffer): Passage {
      const pass: Buffer[] = [];
      for (const frame of fromClient(bytes)) {
        const { ends, commits: isCommit } = commits(frame);
        if (ends) asked += 1;
        if (isCommit && doomed === undefined && armed !== undefined && Math.random() < armed.chance) {
          if (armed.side === "before") {
            cuts += 1;
            return { pass: Buffer.concat(pass), cut: true };
          }
          doomed = asked;
        }
        pass.push(frame.bytes);
      }
      return { pass: Buffer.concat(pass), cut: false };
    }
    function toClient(bytes: Buffer): Passage {
      const pass: Buffer[] = [];
      for (const { type, bytes: frame } of fromServer(bytes)) {
        const withheld = doomed !== undefined && answered >= doomed - 1;
        if (type === "Z") answered += 1;
        if (doomed !== undefined && answered === doomed) {
          cuts += 1;
          return { pass: Buffer.concat(pass), cut: true };
        }
        if (!withheld) pass.push(frame);
      }
      return { pass: Buffer.concat(pass), cut: false };
    }
    return { toServer, toClient };
  }
  return {
    arm: (side, chance) => {
      armed = { side, chance };
    },
    disarm: () => {
      armed = undefined;
    },
    count: () => cuts,
    watch,
  };
}

/** Says of each message whether the server answers it with ReadyForQuery, and whether it commits something written. */
function createCommitFinder(): (frame: Frame) => { readonly ends: boolean; readonly commits: boolean } {
  const texts = new Map<string, string>();
  let isOpen = false;
  let isEnding = false;
  let hasWritten = false;

  function note(text: string): void {
    if (/^\s*BEGIN\b/i.test(text)) isOpen = true;
    if (/^\s*COMMIT\b/i.test(text)) isEnding = true;
    if (/^\s*ROLLBACK\b/i.test(text)) [isOpen, hasWritten] = [false, false];
    if (writing.test(text)) hasWritten = true;
  }
  return ({ type, bytes }) => {
    const [first = "", second = ""] = "PBQ".includes(type) && type !== "" ? stringsOf(bytes) : [];
    if (type === "P") texts.set(first, second);
    if (type === "B") note(texts.get(second) ?? "");
    if (type === "Q") note(first);
    const ends = type === "S" || type === "Q";
    const commits = ends && hasWritten && (!isOpen || isEnding);
    if (commits || (ends && isEnding)) [isOpen, isEnding, hasWritten] = [false, false, false];
    return { ends, commits };
  };
}

/** The first two strings of a message: of Parse its name and text, of Bind its portal and statement. */
function stringsOf(bytes: Buffer): readonly [string, string] {
  const first = bytes.indexOf(0, 5);
  const second = bytes.indexOf(0, first + 1);
  return [bytes.toString("utf8", 5, first), second < 0 ? "" : bytes.toString("utf8", first + 1, second)];
}

/** Cuts a stream into whole messages. Only the first of a client has no type. */
function createFramer(startsUntyped: boolean): (bytes: Buffer) => readonly Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  let untyped = startsUntyped;
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const frames: Frame[] = [];
    for (;;) {
      const head = untyped ? 0 : 1;
      if (rest.length < head + 4) return frames;
      const length = head + rest.readUInt32BE(head);
      if (rest.length < length) return frames;
      frames.push({ type: untyped ? "" : rest.toString("latin1", 0, 1), bytes: rest.subarray(0, length) });
      rest = rest.subarray(length);
      untyped = false;
    }
  };
}
