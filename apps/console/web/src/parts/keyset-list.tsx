import { type ReactNode, useCallback } from "react";
import { useLocation, useSearch } from "wouter";
import { withQuery } from "../api/request.ts";
import type { Topic } from "../api/topics.ts";
import { useAnswer } from "../api/use-answer.ts";
import { Asked } from "./asked.tsx";
import { Empty } from "./notice.tsx";
import { useCarried } from "./page.tsx";
import { type Column, Table } from "./table.tsx";

export type Keyset<Row> = { readonly items: readonly Row[]; readonly next?: string | null };

type ListProps<Row> = {
  readonly topic: Topic;
  /** Below the tenant. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string | number;
  readonly empty: ReactNode;
  readonly limit?: number;
  /** Only the first rows, on a page that has more than this list. */
  readonly short?: boolean;
};

type Paged = { readonly page: number };

/**
 * A list of any length, a page at a time: each is asked for from where the one before ended, so the
 * thousandth costs what the first does. The place is in the address; the page before is the one
 * that the browser goes back to. Two pages at most are in memory.
 */
export function KeysetList<Row>({
  topic,
  path,
  query = {},
  label,
  columns,
  rowKey,
  empty,
  limit = 50,
  short = false,
}: ListProps<Row>) {
  const asking = new URLSearchParams(useSearch()).get("after") ?? undefined;
  const after = short ? undefined : asking;
  const asked = useAnswer<Keyset<Row>>(topic, withQuery(path, { ...query, after, limit }), { keep: true });
  return (
    <Asked query={asked} lines={8}>
      {({ items, next }) => (
        <div className="list" aria-busy={asked.isPlaceholderData}>
          {items.length > 0 ? (
            <Table label={label} columns={columns} rows={items} rowKey={rowKey} />
          ) : (
            <Bare next={next}>{empty}</Bare>
          )}
          {!short && (
            <Pager after={after} next={next ?? undefined} count={items.length} busy={asked.isPlaceholderData} />
          )}
        </div>
      )}
    </Asked>
  );
}

/** A page that looked at as much as a page may, and found nothing, is not the end where there is a next one. */
function Bare({ next, children }: { readonly next: string | null | undefined; readonly children: ReactNode }) {
  return next === undefined || next === null ? (
    children
  ) : (
    <Empty title="Nothing so far; there is more to look through" />
  );
}

type PagerProps = {
  readonly after: string | undefined;
  readonly next: string | undefined;
  readonly count: number;
  /** What is shown is the page before still, and so is its `next`. */
  readonly busy: boolean;
};

function Pager({ after, next, count, busy }: PagerProps) {
  const [location, navigate] = useLocation();
  const search = useSearch();
  const page = useCarried<Paged>()?.page;
  const go = useCallback(
    (to: string | undefined, state?: Paged) => {
      const query = new URLSearchParams(search);
      if (to === undefined) query.delete("after");
      else query.set("after", to);
      const text = query.toString();
      navigate(text === "" ? location : `${location}?${text}`, state === undefined ? {} : { state });
    },
    [location, navigate, search],
  );
  if (after === undefined && next === undefined) return null;
  return (
    <nav className="pager" aria-label="Pages">
      {page !== undefined && page > 1 ? (
        <button type="button" className="button" disabled={busy} onClick={() => history.back()}>
          Previous
        </button>
      ) : (
        <button type="button" className="button" disabled={busy || after === undefined} onClick={() => go(undefined)}>
          First page
        </button>
      )}
      <span role="status">
        {busy ? "Loading …" : after === undefined ? "Page 1" : page === undefined ? `${count} rows` : `Page ${page}`}
      </span>
      <button
        type="button"
        className="button"
        disabled={busy || next === undefined}
        onClick={() => go(next, { page: (after === undefined ? 1 : (page ?? 1)) + 1 })}
      >
        Next
      </button>
    </nav>
  );
}
