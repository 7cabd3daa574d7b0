import type { ErrorCode } from "@rollcall/core/domain";

/**
 * What is refused for now and is no fault of what was sent. Every source says so with the status and the
 * `Retry-After` of all doors: told in the words of a protocol it would be the event's own fault, and a
 * sender that is told so does not send it again.
 */
export const sentAgain: readonly ErrorCode[] = ["rate_limited", "unavailable", "connection_paused"];
