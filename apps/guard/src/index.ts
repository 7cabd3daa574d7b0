export { createGuard, type Guard, type GuardStatus } from "./guard.ts";
export {
  GuardConfigError,
  type FeedOptions,
  type FeedTransport,
  type GuardOptions,
  type GuardRequest,
  type IssuerOptions,
  type RelayOptions,
  type ResolveOptions,
  type ServiceRule,
  type StaleChoice,
  type UnknownChoice,
} from "./options.ts";
export type { Allowed, Decision, GuardedUser, Refused } from "./decision.ts";
export { FeedError, type FeedFault, feedFaults } from "./feed-error.ts";
export type { FeedEvent } from "./following.ts";
export { type GuardMetrics, renderMetrics } from "./metrics.ts";
export { refusalReasons, type RefusalReason } from "./reasons.ts";
export type { ReportCounts } from "./refusal-report.ts";
export * from "./digest.ts";
export * from "./wire.ts";
