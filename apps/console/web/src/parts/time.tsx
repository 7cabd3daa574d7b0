import { useNow } from "./clock.ts";
import { Unknown } from "./mark.tsx";
import { ago, moment, span } from "./words.ts";

type Told = string | null | undefined;

/** How long ago, with the moment itself for whoever hovers; `otherwise` where it has not happened. */
export function When({ at, otherwise = "not yet" }: { readonly at: Told; readonly otherwise?: string }) {
  const now = useNow();
  if (at === null || at === undefined) return <Unknown>{otherwise}</Unknown>;
  return (
    <time dateTime={at} title={moment(at)}>
      {ago(at, now)}
    </time>
  );
}

export function Moment({ at }: { readonly at: Told }) {
  return at === null || at === undefined ? <Unknown /> : <time dateTime={at}>{moment(at)}</time>;
}

/** A span of time; one that was never measured is unknown, and never zero. */
export function Span({ ms }: { readonly ms: number | null | undefined }) {
  return ms === null || ms === undefined ? <Unknown /> : <span className="figure">{span(ms)}</span>;
}
