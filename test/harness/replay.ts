/** Where a run of fast-check begins again: what a failure has printed, as JSON in REPLAY. */
export type Replay = {
  readonly seed?: number;
  readonly path?: string;
  /** Of the commands, printed behind them. */
  readonly replayPath?: string;
};

/** `REPLAY='{"seed":1,"path":"0:2","replayPath":"AAAB:F"}'` runs what failed, and nothing else. */
export function replayed(): Replay {
  const text = process.env["REPLAY"];
  return text === undefined ? {} : (JSON.parse(text) as Replay);
}
