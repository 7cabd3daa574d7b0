import type { CutRow } from "./cut-row.ts";
import type { HaproxySocket } from "./haproxy-socket.ts";

export type HaproxyMaps = {
  /** Whether HAProxy holds what was written here: not after it was restarted, or somebody else wrote. */
  areOurs(): Promise<boolean>;
  /** Replaces every row at once: requests meet the old ones until all of the new ones are there, and hold until `untilSec`. */
  replace(rows: Iterable<CutRow>, untilSec: number): Promise<void>;
  /** Writes rows that have changed; false where that would hold HAProxy up for longer than replacing all of them. */
  change(rows: Iterable<CutRow>): Promise<boolean>;
  /** HAProxy may decide by the rows until then, in seconds since the epoch. */
  holdUntil(untilSec: number): Promise<void>;
};

export type HaproxyMapsOptions = {
  readonly socket: HaproxySocket;
  /** As HAProxy's configuration names them. */
  readonly revocations: string;
  readonly state: string;
  /** A number of this agent's own. */
  readonly mark: number;
};

/** HAProxy takes a command and its payload in one buffer, of 16 KiB unless it is told otherwise. */
const payloadBytesMax = 12 * 1024;
/**
 * To change a row that is there HAProxy 2.6 looks through all of them, and one thread answers nobody meanwhile:
 * 100 ns a row, so a fifth of a second in all. Adding rows is quick whatever the map's size, and so is taking
 * another version of it into use.
 */
const rowsPassedMax = 2_000_000;

/** The two maps of one HAProxy: revocations, and until when they hold. Throws where it does not do as it is told. */
export function createHaproxyMaps({ socket, revocations, state, mark }: HaproxyMapsOptions): HaproxyMaps {
  const markRow = { key: "agent", notBefore: mark };
  let held = new Map<string, number>();

  async function tell(command: string): Promise<void> {
    const answer = await socket.ask(command);
    if (answer !== "") throw new Error(`HAProxy does not ${command.split("\n", 1)[0]?.slice(0, 60)}: ${answer}`);
  }
  async function add(target: string, rows: Iterable<CutRow>): Promise<void> {
    let payload = "";
    for (const { key, notBefore } of rows) {
      payload += `${key} ${notBefore}\n`;
      if (payload.length < payloadBytesMax) continue;
      await tell(`add map ${target} <<\n${payload}`);
      payload = "";
    }
    if (payload !== "") await tell(`add map ${target} <<\n${payload}`);
  }
  async function swap(map: string, rows: Iterable<CutRow>): Promise<void> {
    const answer = await socket.ask(`prepare map ${map}`);
    const version = /^New version created: (\d+)$/.exec(answer)?.[1];
    if (version === undefined) throw new Error(`HAProxy does not prepare the map ${map}: ${answer}`);
    await add(`@${version} ${map}`, rows);
    await tell(`commit map @${version} ${map}`);
  }

  return {
    areOurs: async () => {
      for (const map of [state, revocations])
        if (!(await socket.ask(`get map ${map} ${markRow.key}`)).includes(`value="${mark}"`)) return false;
      return true;
    },
    replace: async (rows, untilSec) => {
      const written = new Map<string, number>();
      await swap(revocations, noting(rows, written, markRow));
      held = written;
      // After the rows: HAProxy must not believe that it has them before it does.
      await swap(state, [markRow, { key: "until", notBefore: untilSec }]);
    },
    change: async (rows) => {
      const news: CutRow[] = [];
      const changes: CutRow[] = [];
      for (const row of rows) {
        const before = held.get(row.key);
        if (before !== undefined) {
          if (before !== row.notBefore) changes.push(row);
        } else if (row.notBefore > 0) news.push(row);
      }
      await add(revocations, news);
      for (const { key, notBefore } of news) held.set(key, notBefore);
      if (changes.length * held.size > rowsPassedMax) return false;
      // A row that strikes nothing any more stays, as 0, until the map is replaced: to delete it takes as long.
      for (const { key, notBefore } of changes) {
        await tell(`set map ${revocations} ${key} ${notBefore}`);
        held.set(key, notBefore);
      }
      return true;
    },
    holdUntil: (untilSec) => tell(`set map ${state} until ${untilSec}`),
  };
}

function* noting(rows: Iterable<CutRow>, written: Map<string, number>, mark: CutRow): Generator<CutRow> {
  yield mark;
  for (const row of rows) {
    written.set(row.key, row.notBefore);
    yield row;
  }
}
