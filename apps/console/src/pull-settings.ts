import { usualBrake } from "@rollcall/core/domain";
import { z } from "zod";

const secondsMax = 366 * 86_400;
const countMax = 1_000_000;

const interval = `must be a whole number of seconds, from 60 to ${secondsMax}, which is a minute to 366 days`;
const share = "must be from 0 to 1, which is 0 to 100 %";
const count = `must be a whole number from 0 to ${countMax}`;

/** How often a connection's provider is listed, and what a listing may change before a person is asked. */
export const pullSettings = z.strictObject({
  everySec: z.int(interval).min(60, interval).max(secondsMax, interval),
  brakeShare: z.number(share).min(0, share).max(1, share).default(usualBrake.share),
  brakeCount: z.int(count).min(0, count).max(countMax, count).default(usualBrake.count),
});
