import { useState } from "react";
import { useMay } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { useNow } from "../parts/clock.ts";
import { CopyValue } from "../parts/copy.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty, Notice } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import type { Column } from "../parts/table.tsx";
import { When } from "../parts/time.tsx";
import { ConnectionName } from "./connection-name.tsx";
import { type Issued, NewToken } from "./new-token.tsx";

type Credential = {
  readonly id: string;
  readonly purpose: string;
  readonly connectionId?: string;
  readonly receiver?: string;
  readonly role?: string;
  readonly hashed?: boolean;
  readonly label: string;
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  readonly lastUsedAt?: string;
};

const columns: readonly Column<Credential>[] = [
  {
    head: "Token",
    cell: ({ label, id }) => (
      <>
        <strong className="breaks">{label}</strong>
        <p className="quiet">
          <code>{id}</code>
        </p>
      </>
    ),
  },
  { head: "For", cell: (credential) => <Purpose credential={credential} /> },
  { head: "Made", cell: ({ createdAt }) => <When at={createdAt} /> },
  { head: "Last used", cell: ({ lastUsedAt }) => <When at={lastUsedAt} otherwise="unknown" /> },
  { head: "Standing", cell: (credential) => <Standing credential={credential} /> },
];

/** Who may speak to this tenant's doors. Of a token only its digest is kept. */
export function TokensPage() {
  const mayIssue = useMay("admin");
  const [issuing, setIssuing] = useState(false);
  const [issued, setIssued] = useState<Issued>();
  const [revoking, setRevoking] = useState<Credential>();
  const revoke = useAct({ changes: ["tokens"], done: "Revoked", onDone: () => setRevoking(undefined) });
  const acts: Column<Credential> = {
    head: "What to do",
    kind: "actions",
    cell: (credential) =>
      credential.revokedAt === undefined && (
        <button type="button" className="button small" onClick={() => setRevoking(credential)}>
          Revoke <span className="unseen">{credential.label}</span>
        </button>
      ),
  };
  const issue = (
    <button type="button" className="button primary" onClick={() => setIssuing(true)}>
      Issue a token
    </button>
  );
  return (
    <Page
      title="Tokens"
      lead="Who may speak: identity providers, gateways, applications, and admins."
      actions={mayIssue && issue}
    >
      {issued !== undefined && (
        <Notice tone="late" title={`${issued.label}: shown this once`}>
          <CopyValue label="Token" value={issued.token} secret />
        </Notice>
      )}
      <KeysetList<Credential>
        topic="tokens"
        path="/tokens"
        label="Tokens"
        rowKey={({ id }) => id}
        empty={<Empty title="There is no token yet" />}
        columns={mayIssue ? [...columns, acts] : columns}
      />
      {issuing && <NewToken onIssued={setIssued} onClose={() => setIssuing(false)} />}
      {revoking !== undefined && (
        <Confirm
          title={`Revoke ${revoking.label}?`}
          deed="Revoke"
          dangerous
          pending={revoke.isPending}
          error={revoke.error}
          onClose={() => setRevoking(undefined)}
          onConfirm={() => revoke.mutate({ method: "DELETE", path: `/tokens/${revoking.id}` })}
        >
          <p>Whoever uses it is refused from now on. It does not come back.</p>
        </Confirm>
      )}
    </Page>
  );
}

function Purpose({
  credential: { purpose, connectionId, receiver, role, hashed },
}: {
  readonly credential: Credential;
}) {
  return (
    <>
      {purpose}
      {role !== undefined && purpose === "admin" && `, ${role}`}
      {receiver !== undefined && `, ${receiver}`}
      {hashed === true && ", subjects by hash"}
      {connectionId !== undefined && (
        <>
          , <ConnectionName id={connectionId} />
        </>
      )}
    </>
  );
}

function Standing({ credential: { expiresAt, revokedAt } }: { readonly credential: Credential }) {
  const now = useNow();
  if (revokedAt !== undefined) return <Mark standing="out">revoked</Mark>;
  if (expiresAt === undefined) return <Mark standing="in">lives</Mark>;
  if (Date.parse(expiresAt) < now) return <Mark standing="out">expired</Mark>;
  return (
    <Mark standing="in">
      ends <When at={expiresAt} />
    </Mark>
  );
}
