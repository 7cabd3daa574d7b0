import { useState } from "react";
import type { Gateway } from "../api/overview.ts";
import { useMay } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { Page } from "../parts/page.tsx";
import { GatewayList } from "./gateway-list.tsx";

export function GatewaysPage() {
  const mayRemove = useMay("operator");
  const [removing, setRemoving] = useState<Gateway>();
  const remove = useAct({ changes: ["gateways"], done: "Removed", onDone: () => setRemoving(undefined) });
  const acts = {
    head: "What to do",
    kind: "actions" as const,
    cell: (gateway: Gateway) => (
      <button type="button" className="button small" onClick={() => setRemoving(gateway)}>
        Remove <span className="unseen">{gateway.name}</span>
      </button>
    ),
  };
  return (
    <Page title="Gateways" lead="Each decides on its own by what it holds of the feed, and says how far it is.">
      <GatewayList more={mayRemove ? [acts] : []} />
      {removing !== undefined && (
        <Confirm
          title={`Remove ${removing.name}?`}
          deed="Remove"
          dangerous
          pending={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate({ method: "DELETE", path: `/gateways/${removing.id}` })}
          onClose={() => setRemoving(undefined)}
        >
          <p>It is not waited for any more. If it still runs, it comes back with its next receipt.</p>
        </Confirm>
      )}
    </Page>
  );
}
