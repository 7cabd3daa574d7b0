export { assertQueueSafe, type QueueAddress } from "./connection.ts";
export { type LaneWorker, startLaneWorker } from "./lane-worker.ts";
export { createWaker, type Waker } from "./waker.ts";
