import { AsyncLocalStorage } from "node:async_hooks";
import type { Transaction } from "./database.ts";
import { withinSavepoint } from "./savepoint.ts";

type Work<Result> = (transaction: Transaction) => Promise<Result>;
type InTenant = <Result>(tenantId: string, work: Work<Result>) => Promise<Result>;

export type SharedTransactions = {
  readonly inTenant: InTenant;
  /** Whether the caller's work is part of a transaction that others share. */
  isShared(): boolean;
  together<Result>(tenantId: string, work: () => Promise<Result>): Promise<Result>;
  afterCommit(then: () => void): void;
};

type Shared = {
  readonly tenantId: string;
  readonly transaction: Transaction;
  readonly afterwards: (() => void)[];
  /** Resolves when the last step is over: the steps of one transaction cannot run beside each other. */
  turn: Promise<unknown>;
};

/**
 * Lets several pieces of work that know nothing of each other share one transaction. Whatever runs
 * within `together` finds it by itself; each piece is a savepoint, so that one which is refused
 * leaves the others as they are.
 */
export function createSharedTransactions(open: InTenant): SharedTransactions {
  const sharing = new AsyncLocalStorage<Shared>();
  return {
    inTenant: (tenantId, work) => {
      const shared = sharing.getStore();
      return shared === undefined ? open(tenantId, work) : asStep(shared, tenantId, work);
    },
    isShared: () => sharing.getStore() !== undefined,
    together: async (tenantId, work) => {
      const afterwards: (() => void)[] = [];
      const result = await open(tenantId, (transaction) =>
        sharing.run({ tenantId, transaction, afterwards, turn: Promise.resolve() }, work),
      );
      for (const then of afterwards) then();
      return result;
    },
    afterCommit: (then) => {
      const shared = sharing.getStore();
      if (shared === undefined) then();
      else shared.afterwards.push(then);
    },
  };
}

async function asStep<Result>(shared: Shared, tenantId: string, work: Work<Result>): Promise<Result> {
  if (tenantId !== shared.tenantId) throw new Error("a transaction of one tenant was asked to work for another");
  const before = shared.turn;
  const over = Promise.withResolvers<void>();
  shared.turn = over.promise;
  await before;
  const { transaction } = shared;
  try {
    return await withinSavepoint(transaction, () => work(transaction));
  } finally {
    over.resolve();
  }
}
