export { type Resyncs, type ResyncsOptions, startResyncs } from "./compare/resyncs.ts";
export { walkStep } from "./compare/walk.ts";
export { type Canaries, type CanariesOptions, startCanaries } from "./canary/canaries.ts";
export { type ReadBackOptions, type ReadBacks, startReadBacks } from "./read-backs/read-back.ts";
export { feedDigest, type Publisher, type PublisherOptions, startPublisher } from "./publisher.ts";
export { type AlertWatch, createAlertWatch } from "./watch/alert-watch.ts";
export { watchHouse } from "./watch/house-metrics.ts";
