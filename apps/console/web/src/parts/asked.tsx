import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ProblemNotice } from "./notice.tsx";

type AskedProps<Answer> = {
  readonly query: UseQueryResult<Answer>;
  /** How many lines of nothing to show meanwhile. */
  readonly lines?: number;
  readonly children: (answer: Answer) => ReactNode;
};

/** An answer: on its way, refused, or here. One that could not be asked for anew stays, and it is said that it is old. */
export function Asked<Answer>({ query, lines = 3, children }: AskedProps<Answer>) {
  const { data, error, isPending, refetch } = query;
  if (isPending) return <Waiting lines={lines} />;
  const retry = () => void refetch();
  if (data === undefined) return <ProblemNotice error={error} retry={retry} />;
  return (
    <>
      {error !== null && (
        <p className="notice late" role="status">
          This is from before: the service did not answer again.
        </p>
      )}
      {children(data)}
    </>
  );
}

export function Waiting({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div className="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  );
}
