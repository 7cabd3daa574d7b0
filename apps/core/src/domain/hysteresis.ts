/** How bad something is: 0 is well, 1 needs somebody, 2 needs them now. Undefined where it cannot be told. */
export type Level = 0 | 1 | 2;

/** What has been made of it so far. */
export type Hold = {
  /** The level of the alert that is open; 0 where none is. */
  readonly told: Level;
  /** Since when it has been at least this bad without a break, for each level that is worse than what is told. */
  readonly worseSince: { readonly [level in 1 | 2]?: number };
  /** Since when it has been well without a break, while an alert is open. */
  readonly wellSince: number | undefined;
};

/** How long it has to be bad before it is told, and well before it is over. */
export type Patience = { readonly openMs: number; readonly closeMs: number };

export type Turn = "opened" | "worsened" | "resolved" | undefined;

/** Nothing is known yet of what an alert may already be open for. */
export function holdOf(told: Level): Hold {
  return { told, worseSince: {}, wellSince: undefined };
}

/**
 * What follows from one look. An alert opens after it was bad for a while on end, and closes after it was well for
 * a while on end, so that what comes and goes is one alert. An open one gets worse and never better: it is over, or
 * it is not. What cannot be told opens nothing, closes nothing, and begins every wait anew.
 */
export function look(
  hold: Hold,
  level: Level | undefined,
  nowMs: number,
  patience: Patience,
): { readonly hold: Hold; readonly turn: Turn } {
  if (level === undefined) return { hold: holdOf(hold.told), turn: undefined };
  const worseSince = sinceWorse(hold, level, nowMs);
  const reached = ([2, 1] as const).find((one) => isOver(worseSince[one], nowMs, patience.openMs));
  if (reached !== undefined && reached > hold.told)
    return { hold: rest(reached, worseSince), turn: hold.told === 0 ? "opened" : "worsened" };
  const wellSince = hold.told > 0 && level === 0 ? (hold.wellSince ?? nowMs) : undefined;
  if (isOver(wellSince, nowMs, patience.closeMs)) return { hold: holdOf(0), turn: "resolved" };
  return { hold: { told: hold.told, worseSince, wellSince }, turn: undefined };
}

function sinceWorse(hold: Hold, level: Level, nowMs: number): Hold["worseSince"] {
  const since = (one: 1 | 2): { readonly [level in 1 | 2]?: number } =>
    level >= one && one > hold.told ? { [one]: hold.worseSince[one] ?? nowMs } : {};
  return { ...since(1), ...since(2) };
}

/** What was told is told; what is worse still goes on waiting for its turn. */
function rest(told: 1 | 2, worseSince: Hold["worseSince"]): Hold {
  const worse = told === 1 && worseSince[2] !== undefined ? { 2: worseSince[2] } : {};
  return { told, worseSince: worse, wellSince: undefined };
}

function isOver(since: number | undefined, nowMs: number, ms: number): boolean {
  return since !== undefined && nowMs - since >= ms;
}
