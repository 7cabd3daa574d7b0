const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** A span of time as somebody says it: two units at most. */
export function span(ms: number): string {
  if (ms < 1) return "< 1 ms";
  if (ms < secondMs) return `${Math.round(ms)} ms`;
  if (ms < 10 * secondMs) return `${(ms / secondMs).toFixed(1)} s`;
  if (ms < minuteMs) return `${Math.round(ms / secondMs)} s`;
  if (ms < hourMs) return two(ms, minuteMs, "min", secondMs, "s");
  if (ms < dayMs) return two(ms, hourMs, "h", minuteMs, "min");
  return two(ms, dayMs, "d", hourMs, "h");
}

export function ago(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (Math.abs(ms) < 5 * secondMs) return "just now";
  return ms < 0 ? `in ${one(-ms)}` : `${one(ms)} ago`;
}

const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function moment(at: string): string {
  return clock.format(new Date(at));
}

const figures = new Intl.NumberFormat();

export function figure(count: number): string {
  return figures.format(count);
}

/** A share of one as so many of a hundred. */
export function ofHundred(share: number): number {
  return Number((share * 100).toFixed(4));
}

export function percent(share: number): string {
  return `${ofHundred(share)} %`;
}

/** `user.deactivated` and `stale_attribute` as words. */
export function wordsOf(code: string): string {
  const words = code.replaceAll(/[._]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function one(ms: number): string {
  if (ms < minuteMs) return `${Math.round(ms / secondMs)} s`;
  if (ms < hourMs) return `${Math.round(ms / minuteMs)} min`;
  return ms < 2 * dayMs ? `${Math.round(ms / hourMs)} h` : `${Math.round(ms / dayMs)} d`;
}

function two(ms: number, big: number, bigName: string, small: number, smallName: string): string {
  const [whole, rest] = [Math.floor(ms / big), Math.floor((ms % big) / small)];
  return rest === 0 ? `${whole} ${bigName}` : `${whole} ${bigName} ${rest} ${smallName}`;
}
