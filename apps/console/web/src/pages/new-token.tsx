import { useState } from "react";
import { useConnections } from "../api/connections.ts";
import { roles } from "../api/session.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { CheckField, said, SelectField, TextField } from "../parts/field.tsx";

export type Issued = { readonly token: string; readonly label: string };

const purposes = [
  ["scim", "An identity provider (SCIM)"],
  ["feed", "A gateway (feed)"],
  ["ssf", "An application (streams)"],
  ["admin", "An admin (this API)"],
] as const;
type Purpose = (typeof purposes)[number][0];

/** Issues a token for whoever is to speak. */
export function NewToken({
  onIssued,
  onClose,
}: {
  readonly onIssued: (issued: Issued) => void;
  readonly onClose: () => void;
}) {
  const [purpose, setPurpose] = useState<Purpose>("scim");
  const { data } = useConnections();
  const act = useAct<Issued>({
    changes: ["tokens"],
    done: "Issued; it is shown once",
    onDone: (issued) => {
      onIssued(issued);
      onClose();
    },
  });
  return (
    <Confirm
      title="Issue a token"
      deed="Issue"
      pending={act.isPending}
      error={act.error}
      onClose={onClose}
      onConfirm={(form) => act.mutate({ method: "POST", path: "/tokens", body: bodyOf(purpose, form) })}
    >
      <SelectField
        label="For"
        value={purpose}
        choices={purposes}
        onChange={(event) => setPurpose(event.target.value as Purpose)}
      />
      <TextField label="Label" name="label" required maxLength={200} hint="By which you will know it again." />
      {purpose === "scim" && (
        <SelectField
          label="Connection"
          name="connection"
          choices={(data?.items ?? []).map(({ slug, name }) => [slug, name])}
        />
      )}
      {purpose === "ssf" && (
        <TextField label="Application" name="receiver" required pattern="[a-z0-9][a-z0-9\-]{0,62}" hint="Its slug." />
      )}
      {purpose === "feed" && <CheckField label="It reads subjects by their hashes alone" name="hashed" />}
      {purpose === "admin" && (
        <SelectField label="Role" name="role" choices={roles.map((role) => [role, roleWords[role]])} />
      )}
      <TextField
        label="Ends after (days)"
        name="expiresInDays"
        type="number"
        min={1}
        max={3_650}
        hint="Blank: when it is revoked."
      />
    </Confirm>
  );
}

const roleWords = {
  viewer: "Viewer: looks",
  operator: "Operator: also sets right what is wrong",
  admin: "Admin: also says who may speak",
} as const;

function bodyOf(purpose: Purpose, form: FormData): Readonly<Record<string, unknown>> {
  const days = said(form, "expiresInDays");
  const of = { scim: "connection", ssf: "receiver", admin: "role", feed: "" }[purpose];
  return {
    purpose,
    label: said(form, "label"),
    ...(of === "" ? {} : { [of]: said(form, of) }),
    ...(form.has("hashed") ? { hashed: true } : {}),
    ...(days === undefined ? {} : { expiresInDays: Number(days) }),
  };
}
