import type { Writable } from "node:stream";

export type ProgressState = { readonly done: number; readonly total: number; readonly note: string };
export type ProgressBar = { update(state: ProgressState): void; end(): void };

type Terminal = Writable & { readonly isTTY?: boolean; readonly columns?: number };

const widthMax = 40;
const lineEveryMs = 2_000;

/** A bar that redraws itself on a terminal; elsewhere a plain line now and then, fit for a log. */
export function createProgressBar(stream: Terminal, now: () => number): ProgressBar {
  return stream.isTTY === true ? drawn(stream) : told(stream, now);
}

function drawn(stream: Terminal): ProgressBar {
  return {
    update: ({ done, total, note }) => {
      const width = Math.max(10, Math.min(widthMax, (stream.columns ?? 80) - 40));
      const filled = total === 0 ? width : Math.floor((done / total) * width);
      stream.write(
        `\r\u001B[K[${"#".repeat(filled)}${"-".repeat(width - filled)}] ${percent(done, total)} ${done}/${total} ${note}`,
      );
    },
    end: () => void stream.write("\n"),
  };
}

function told(stream: Terminal, now: () => number): ProgressBar {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let last: ProgressState | undefined;
  const tell = ({ done, total, note }: ProgressState): void => {
    stream.write(`${percent(done, total)} ${done}/${total} ${note}`.trimEnd());
    stream.write("\n");
    toldAtMs = now();
    last = undefined;
  };
  return {
    update: (state) => {
      if (now() - toldAtMs >= lineEveryMs) tell(state);
      else last = state;
    },
    end: () => {
      if (last !== undefined) tell(last);
    },
  };
}

function percent(done: number, total: number): string {
  return `${total === 0 ? 100 : Math.floor((done / total) * 100)} %`.padStart(5);
}
