import { DirectoryError } from "@rollcall/core/domain";

/** An admin looks at something and will resume: providers try again within minutes anyway. */
export const pausedRetrySec = 60;

/** A refusal for now of everything but a denial, which is taken however long somebody has paused. */
export class ConnectionPaused extends DirectoryError {
  constructor() {
    super("connection_paused", "an admin has paused this connection: send it again later");
    this.name = "ConnectionPaused";
  }
}
