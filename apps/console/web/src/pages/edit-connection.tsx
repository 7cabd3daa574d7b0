import type { Connection } from "../api/connections.ts";
import { ChangeDialog, type ProblemAt } from "../parts/change-dialog.tsx";
import { said, SelectField, TextArea, TextField } from "../parts/field.tsx";
import { guides } from "../setup/guides.ts";

const names = [
  "name",
  "kind",
  "issuers",
  "audience",
  "subjectClaim",
  "subjectRule",
  "subjectAttribute",
  "subjectCompare",
  "tokenLifetimeSec",
];

/** Changes the settings of a connection by which its tokens find their users. */
export function EditConnection({ slug, onClose }: { readonly slug: string; readonly onClose: () => void }) {
  return (
    <ChangeDialog<Connection, { readonly resyncNeeded: boolean }>
      title="Change the connection"
      path={`/connections/${encodeURIComponent(slug)}`}
      method="PATCH"
      deed="Change"
      bodyOf={bodyOf}
      fields={names}
      changes={["connections", "overview"]}
      done={({ resyncNeeded }) => (resyncNeeded ? "Changed. Users follow with a resync of the connection" : "Changed")}
      onClose={onClose}
    >
      {(connection, problemAt) => <EditFields connection={connection} problemAt={problemAt} />}
    </ChangeDialog>
  );
}

type FieldsProps = { readonly connection: Connection; readonly problemAt: ProblemAt };

function EditFields({ connection, problemAt }: FieldsProps) {
  return (
    <>
      <TextField
        label="Name"
        name="name"
        problem={problemAt("name")}
        required
        maxLength={200}
        defaultValue={connection.name}
      />
      <SelectField
        label="Provider"
        name="kind"
        problem={problemAt("kind")}
        defaultValue={connection.kind}
        choices={[...guides.map(({ kind, name }) => [kind, name] as const), ["rippling", "Rippling"]]}
      />
      <TextArea
        label="Issuers"
        name="issuers"
        problem={problemAt("issuers")}
        rows={3}
        defaultValue={connection.issuers.join("\n")}
        hint="One a line, byte for byte as iss."
      />
      <TextField
        label="Audience"
        name="audience"
        problem={problemAt("audience")}
        maxLength={512}
        defaultValue={connection.audience ?? ""}
        hint="Blank: any."
      />
      <SubjectFields connection={connection} problemAt={problemAt} />
    </>
  );
}

/** How a token finds its user. */
function SubjectFields({ connection, problemAt }: FieldsProps) {
  return (
    <>
      <TextField
        label="Claim of the token"
        name="subjectClaim"
        problem={problemAt("subjectClaim")}
        required
        maxLength={100}
        defaultValue={connection.subjectClaim}
      />
      <SelectField
        label="It finds its user"
        name="subjectRule"
        problem={problemAt("subjectRule")}
        defaultValue={connection.subjectRule}
        choices={[
          ["attribute", "where an attribute of the directory equals it"],
          ["direct", "where it is our user id"],
          ["federated", "where an admin has linked it"],
        ]}
      />
      <TextField
        label="Attribute"
        name="subjectAttribute"
        problem={problemAt("subjectAttribute")}
        required
        maxLength={200}
        defaultValue={connection.subjectAttribute}
      />
      <SelectField
        label="Compared"
        name="subjectCompare"
        problem={problemAt("subjectCompare")}
        defaultValue={connection.subjectCompare}
        choices={[
          ["exact", "Exactly"],
          ["casefold", "Without case"],
        ]}
      />
      <TextField
        label="A token lives at most (seconds)"
        name="tokenLifetimeSec"
        problem={problemAt("tokenLifetimeSec")}
        type="number"
        min={60}
        required
        defaultValue={connection.tokenLifetimeSec}
      />
    </>
  );
}

function bodyOf(form: FormData): Readonly<Record<string, unknown>> {
  return {
    name: said(form, "name"),
    kind: said(form, "kind"),
    issuers: (said(form, "issuers") ?? "").split(/\s+/).filter((issuer) => issuer !== ""),
    audience: said(form, "audience") ?? null,
    subjectClaim: said(form, "subjectClaim"),
    subjectRule: said(form, "subjectRule"),
    subjectAttribute: said(form, "subjectAttribute"),
    subjectCompare: said(form, "subjectCompare"),
    tokenLifetimeSec: Number(said(form, "tokenLifetimeSec")),
  };
}
