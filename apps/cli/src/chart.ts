const heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** One step of a chart: a value, nothing, or something of which the value is not known. */
export type Step = number | "nothing" | "unknown";

/**
 * A row of bars, one for each step, as high as its value is to the highest of all. A dot is a step in which nothing
 * was, a question mark one of which nobody knows: neither is a low bar.
 */
export function chart(steps: readonly Step[], highest: number): string {
  return steps.map((step) => (step === "nothing" ? "·" : step === "unknown" ? "?" : barOf(step, highest))).join("");
}

function barOf(value: number, highest: number): string {
  const share = highest <= 0 ? 0 : Math.min(1, Math.max(0, value / highest));
  return heights[Math.min(heights.length - 1, Math.floor(share * heights.length))] ?? heights[0];
}
