/** The value below which a share of the values lies; the largest for a share of one. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new Error("no values were measured");
  return value;
}

export function p50(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}
