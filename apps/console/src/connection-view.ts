import { commonTolerances, type Connection, type DescribedRule, describeDialect } from "@rollcall/core/domain";

/** A connection as its admin sees it: its settings, and in words how its requests are read and answered. */
export type ConnectionView = Connection & {
  readonly rules: readonly DescribedRule[];
  /** What every connection is granted. */
  readonly granted: readonly string[];
};

export function viewOf(connection: Connection): ConnectionView {
  return { ...connection, rules: describeDialect(connection), granted: commonTolerances };
}
