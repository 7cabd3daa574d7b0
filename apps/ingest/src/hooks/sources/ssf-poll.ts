import { DirectoryError } from "@rollcall/core/domain";
import type { SourceAdapter } from "../source-adapter.ts";

/** A transmitter that we ask (`stream-polls.ts`); nothing is sent to its address here. */
export const ssfPoll: SourceAdapter = {
  receive: () => {
    throw new DirectoryError("not_found", "no such hook");
  },
};
