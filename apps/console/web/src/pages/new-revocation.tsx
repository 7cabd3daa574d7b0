import { useState } from "react";
import { useConnections } from "../api/connections.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { CheckField, said, SelectField, TextField } from "../parts/field.tsx";
import { Notice } from "../parts/notice.tsx";

const targets = {
  sub: "A subject",
  session: "A session (sid)",
  tokenId: "One token (jti)",
  tenantClaim: "All tokens of a tenant claim",
  everyone: "Every token of an issuer",
} as const;
type Target = keyof typeof targets;

const lengths = [
  ["", "Until it is lifted"],
  ["3600", "One hour"],
  ["86400", "One day"],
  ["604800", "One week"],
] as const;

/** Says what gateways must refuse from now on. */
export function NewRevocation({ onClose }: { readonly onClose: () => void }) {
  const [target, setTarget] = useState<Target>("sub");
  const [chosen, setKind] = useState<"deny" | "nbf">("deny");
  // One token has none before it: it can only be denied, whatever was chosen for something else.
  const kind = target === "tokenId" ? "deny" : chosen;
  const act = useAct({ changes: ["revocations", "users", "overview"], done: "Revoked", onDone: onClose });
  const confirm = (form: FormData): void =>
    act.mutate({ method: "POST", path: "/revocations", body: bodyOf(target, kind, form) });
  return (
    <Confirm
      title="Revoke"
      deed="Revoke"
      dangerous
      pending={act.isPending}
      error={act.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      <SelectField
        label="What"
        value={target}
        onChange={(event) => setTarget(event.target.value as Target)}
        choices={Object.entries(targets)}
      />
      <Issuer />
      {target === "everyone" ? (
        <Notice tone="late" title="This shuts out everybody whose tokens this issuer signs.">
          <CheckField label="I mean everybody" name="sure" required />
        </Notice>
      ) : (
        <TextField
          label="Its value"
          name="value"
          required
          maxLength={1_024}
          hint="Byte for byte, as the token has it."
        />
      )}
      {target !== "tokenId" && (
        <SelectField
          label="Which tokens"
          value={kind}
          onChange={(event) => setKind(event.target.value === "nbf" ? "nbf" : "deny")}
          choices={[
            ["deny", "All, also future ones"],
            ["nbf", "Those issued until now"],
          ]}
        />
      )}
      {kind === "deny" && <SelectField label="For how long" name="expiresInSec" choices={lengths} />}
      <TextField label="Note" name="note" maxLength={500} hint="Why; it is kept in the audit." />
    </Confirm>
  );
}

function bodyOf(target: Target, kind: "deny" | "nbf", form: FormData): Readonly<Record<string, unknown>> {
  const [ends, note] = [said(form, "expiresInSec"), said(form, "note")];
  return {
    iss: said(form, "iss"),
    [target]: target === "everyone" ? true : said(form, "value"),
    kind,
    ...(kind === "deny" && ends !== undefined ? { expiresInSec: Number(ends) } : {}),
    ...(note === undefined ? {} : { note }),
  };
}

/** One of those that connections name, which are the only ones that tokens are believed of. */
function Issuer() {
  const { data } = useConnections();
  const issuers = [...new Set(data?.items.flatMap(({ issuers: named }) => named))];
  return issuers.length === 0 ? (
    <TextField label="Issuer" name="iss" type="url" required maxLength={512} hint="The token's iss, byte for byte." />
  ) : (
    <SelectField label="Issuer" name="iss" choices={issuers.map((issuer) => [issuer, issuer])} />
  );
}
