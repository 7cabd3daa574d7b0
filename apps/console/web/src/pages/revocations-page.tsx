import { useState } from "react";
import { type Revocation, scopeWords } from "../api/revocations.ts";
import { useMay } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark, Unknown } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import type { Column } from "../parts/table.tsx";
import { When } from "../parts/time.tsx";
import { wordsOf } from "../parts/words.ts";
import { NewRevocation } from "./new-revocation.tsx";

const columns: readonly Column<Revocation>[] = [
  {
    head: "Of",
    cell: ({ scope, sub, iss }) => (
      <>
        <span className="quiet">{scopeWords[scope] ?? scope}</span>{" "}
        {scope === "iss" ? <strong>everybody</strong> : <code className="breaks">{sub}</code>}
        <p className="quiet breaks">{iss}</p>
      </>
    ),
  },
  {
    head: "Gateways refuse",
    cell: ({ deny, nbf, forgottenAt }) => (
      <>
        {deny && <Mark standing="out">every token</Mark>}
        {!deny && nbf !== null && (
          <Mark standing="late">tokens of before {new Date(nbf * 1_000).toLocaleString()}</Mark>
        )}
        {forgottenAt !== null && <p className="quiet">No token lives that it could refuse.</p>}
      </>
    ),
  },
  { head: "Why", cell: ({ reason, origin }) => <span className="breaks">{`${wordsOf(reason)} (${origin})`}</span> },
  { head: "Since", cell: ({ acceptedAt }) => <When at={acceptedAt} /> },
  {
    head: "Enforced",
    cell: ({ seq, enforcedAt }) =>
      enforcedAt !== null ? (
        <Mark standing="in">everywhere</Mark>
      ) : seq === null ? (
        <Mark standing="waiting">waits to be published</Mark>
      ) : (
        <Mark standing="late">not everywhere yet</Mark>
      ),
  },
  {
    head: "Ends",
    cell: ({ expiresAt }) => (expiresAt === null ? <Unknown>when lifted</Unknown> : <When at={expiresAt} />),
  },
];

/** What gateways are told to refuse, and since when all of them do. */
export function RevocationsPage() {
  const mayRevoke = useMay("operator");
  const [adding, setAdding] = useState(false);
  const [lifting, setLifting] = useState<Revocation>();
  const lift: Column<Revocation> = {
    head: "What to do",
    kind: "actions",
    cell: (revocation) =>
      isLifted(revocation) && (
        <button type="button" className="button small" onClick={() => setLifting(revocation)}>
          Lift <span className="unseen">{revocation.sub}</span>
        </button>
      ),
  };
  const add = (
    <button type="button" className="button primary" onClick={() => setAdding(true)}>
      Revoke
    </button>
  );
  return (
    <Page title="Revocations" lead="What gateways refuse, whoever said so." actions={mayRevoke && add}>
      <KeysetList<Revocation>
        topic="revocations"
        path="/revocations"
        label="Revocations"
        rowKey={({ id }) => id}
        empty={<Empty title="Nothing is revoked" />}
        columns={mayRevoke ? [...columns, lift] : columns}
      />
      {adding && <NewRevocation onClose={() => setAdding(false)} />}
      {lifting !== undefined && <Lift revocation={lifting} onClose={() => setLifting(undefined)} />}
    </Page>
  );
}

/** What is said of users elsewhere: providers take back what they say, and a suspension is lifted where the person is. */
const saidElsewhere: readonly string[] = ["idp_deleted", "idp_inactive", "admin_suspended", "poison"];

/** A moment before which tokens are dead is never taken back, so there is nothing to lift. */
function isLifted({ deny, scope, reason }: Revocation): boolean {
  return deny && !(scope === "sub" && saidElsewhere.includes(reason));
}

function Lift({ revocation, onClose }: { readonly revocation: Revocation; readonly onClose: () => void }) {
  const act = useAct({ changes: ["revocations", "users", "overview"], done: "Lifted", onDone: onClose });
  return (
    <Confirm
      title="Lift this revocation?"
      deed="Lift"
      dangerous
      pending={act.isPending}
      error={act.error}
      onClose={onClose}
      onConfirm={() => act.mutate({ method: "DELETE", path: `/revocations/${encodeURIComponent(revocation.id)}` })}
    >
      <p>
        Only what an admin has said is lifted. What the identity provider says of{" "}
        <code className="breaks">{revocation.sub}</code> stands, and tokens that were issued before stay dead.
      </p>
    </Confirm>
  );
}
