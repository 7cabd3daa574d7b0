import { useSearch } from "wouter";
import type { Refusal } from "../api/explanation.ts";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { When } from "../parts/time.tsx";
import { wordsOf } from "../parts/words.ts";

/** Whom gateways refused, as they told it. */
export function RefusalsPage() {
  const search = new URLSearchParams(useSearch());
  const [reason, gateway] = [search.get("reason") ?? undefined, search.get("gateway") ?? undefined];
  return (
    <Page title="Refusals" lead="What gateways refused, the newest first, kept for seven days.">
      <KeysetList<Refusal>
        topic="refusals"
        path="/refusals"
        query={{ reason, gateway }}
        label="Refusals"
        rowKey={({ at, gateway: by, requestId = "", sub = "", subHash = "" }) =>
          `${at} ${by} ${requestId} ${sub} ${subHash}`
        }
        empty={
          <Empty title="No gateway has told of a refusal">
            <p>A guard tells of them where feed.report is switched on.</p>
          </Empty>
        }
        columns={[
          { head: "When", cell: ({ at }) => <When at={at} /> },
          { head: "Reason", cell: ({ reason: why }) => wordsOf(why) },
          { head: "Gateway", cell: ({ gateway: by }) => <span className="breaks">{by}</span> },
          { head: "Subject", cell: (refusal) => <Whose refusal={refusal} /> },
          { head: "Why", cell: (refusal) => <Why refusal={refusal} /> },
        ]}
      />
    </Page>
  );
}

function Whose({ refusal: { sub, subHash, userId } }: { readonly refusal: Refusal }) {
  const shown = <code className="breaks">{sub ?? subHash ?? "unknown"}</code>;
  return userId === undefined ? shown : <Go to={`/users/${userId}`}>{shown}</Go>;
}

function Why({ refusal: { requestId, sub, iss } }: { readonly refusal: Refusal }) {
  const asked =
    requestId === undefined
      ? sub === undefined
        ? undefined
        : { sub, ...(iss === undefined ? {} : { iss }) }
      : { requestId };
  return asked === undefined ? null : <Go to={`/explain?${new URLSearchParams(asked).toString()}`}>Explain</Go>;
}
