import { readFileSync } from "node:fs";

const minuteMs = 60_000;

/**
 * A body as a source sends it, named relative to this directory: `okta/leaver.json`. `{{9 minutes ago}}`
 * stands for a time, which must be near the present; `"{{9 minutes ago in ms}}"` for one as a number.
 */
export function readDelivery(file: string): string {
  const ago = (minutes: string): Date => new Date(Date.now() - Number(minutes) * minuteMs);
  return readFileSync(new URL(file, import.meta.url), "utf8")
    .trim()
    .replaceAll(/"\{\{(\d+) minutes ago in ms\}\}"/g, (_whole, minutes: string) => String(ago(minutes).getTime()))
    .replaceAll(/\{\{(\d+) minutes ago\}\}/g, (_whole, minutes: string) => ago(minutes).toISOString());
}
