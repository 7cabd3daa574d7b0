import { DirectoryError, type ErrorCode } from "@rollcall/core/domain";

/** A login that came to nothing: what happened, and what whoever wants to log in may do about it. */
export class LoginRefused extends DirectoryError {
  readonly happened: string;
  readonly next: string;

  constructor(code: ErrorCode, happened: string, next: string, options?: ErrorOptions) {
    super(code, `${happened}: ${next}`, options);
    this.name = "LoginRefused";
    this.happened = happened;
    this.next = next;
  }
}
