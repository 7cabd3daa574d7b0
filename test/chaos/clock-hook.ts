import { readFileSync } from "node:fs";

/**
 * For `node --import`: the clock of the process is off by as many milliseconds as the file says that
 * CHAOS_CLOCK names, read at the start and again at each SIGUSR2. Timers are not its business: they
 * go by the monotonic clock, which nobody sets.
 */
const file = process.env["CHAOS_CLOCK"] ?? "";
const RealDate = Date;
let offMs = readOffset();
process.on("SIGUSR2", () => {
  offMs = readOffset();
});

const now = (): number => RealDate.now() + offMs;
const ShiftedDate: DateConstructor = new Proxy(RealDate, {
  apply: () => new RealDate(now()).toString(),
  construct: (target, values: readonly unknown[], made) =>
    Reflect.construct(
      target,
      values.length === 0 ? [now()] : (values as unknown[]),
      made === ShiftedDate ? target : made,
    ) as Date,
  get: (target, name) => (name === "now" ? now : (Reflect.get(target, name) as unknown)),
});
RealDate.prototype.constructor = ShiftedDate;
globalThis.Date = ShiftedDate;

function readOffset(): number {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 0;
  }
}
