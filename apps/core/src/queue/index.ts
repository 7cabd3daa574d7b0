export { assertQueueSafe, type QueueAddress } from "./connection.ts";
export { type LaneWorker, startLaneWorker } from "./lane-worker.ts";
export { createRateLimiter, type RateLimiter } from "./rate-limit.ts";
export { type Schedule, type Schedules, startSchedules } from "./schedules.ts";
export { createWaker, type Waker } from "./waker.ts";
