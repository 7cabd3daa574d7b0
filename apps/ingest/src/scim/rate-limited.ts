import { DirectoryError } from "@rollcall/core/domain";

/** A refusal for now: what was asked for has not been done, and may be asked for again after so many seconds. */
export class RateLimited extends DirectoryError {
  readonly retryAfterSec: number;

  constructor(what: string, retryAfterSec: number) {
    super("rate_limited", `too many ${what} at once: try again in ${retryAfterSec} s`);
    this.name = "RateLimited";
    this.retryAfterSec = retryAfterSec;
  }
}
