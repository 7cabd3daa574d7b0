export { createGuard, type Guard, type GuardStatus } from "./guard.ts";
export {
  GuardConfigError,
  type FeedOptions,
  type GuardOptions,
  type GuardRequest,
  type IssuerOptions,
  type ResolveOptions,
  type StaleChoice,
  type UnknownChoice,
} from "./options.ts";
export type { Allowed, Decision, GuardedUser, Refused } from "./decision.ts";
export { FeedError, type FeedFault } from "./feed-error.ts";
export { refusalReasons, type RefusalReason } from "./reasons.ts";
export * from "./digest.ts";
export * from "./wire.ts";
