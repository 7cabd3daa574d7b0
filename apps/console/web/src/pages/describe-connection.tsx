import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SyntheticEvent, useState } from "react";
import type { Connection } from "../api/connections.ts";
import type { Problem } from "../api/problem.ts";
import { request } from "../api/request.ts";
import { useApiPath, usePlace } from "../api/tenant.ts";
import { invalidate } from "../api/topics.ts";
import { Facts } from "../parts/facts.tsx";
import { said, SelectField, TextField } from "../parts/field.tsx";
import { Notice, ProblemNotice } from "../parts/notice.tsx";
import type { Guide } from "../setup/guide.ts";
import { Rule } from "./connections-page.tsx";
import type { Made } from "./new-connection-page.tsx";

type DescribeProps = { readonly guide: Guide; readonly made: Made | undefined; readonly onMade: (made: Made) => void };

/** Makes the connection and its token, with what is usual for its kind already filled in. */
export function DescribeConnection({ guide, made, onMade }: DescribeProps) {
  const making = useMaking(guide, onMade);
  const [values, setValues] = useState<Readonly<Record<string, string>>>(
    Object.fromEntries(guide.asks.map(({ name, usual = "" }) => [name, usual])),
  );
  if (made !== undefined) return <Described connection={made.connection} />;
  const submit = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    making.mutate(bodyOf(guide, values, new FormData(event.currentTarget)));
  };
  const filled = guide.asks.every(({ name }) => (values[name] ?? "") !== "");
  return (
    <form className="form" onSubmit={submit}>
      <TextField label="Name" name="name" required maxLength={200} defaultValue={guide.name} />
      <TextField
        label="Slug"
        name="slug"
        required
        pattern="[a-z0-9][a-z0-9\-]{0,62}"
        defaultValue={guide.kind}
        hint="In addresses and in the command line. It never changes."
      />
      {guide.asks.map(({ name, label, hint, placeholder, pattern }) => (
        <TextField
          key={name}
          label={label}
          name={name}
          required
          value={values[name] ?? ""}
          onChange={(event) => setValues({ ...values, [name]: event.target.value })}
          placeholder={placeholder}
          hint={hint}
          {...(pattern === undefined ? {} : { pattern })}
        />
      ))}
      {filled && <Issuers issuers={guide.issuersOf(values)} />}
      <SubjectFields guide={guide} />
      <TextField
        label="Audience"
        name="audience"
        maxLength={512}
        hint="The aud that tokens for your API carry. Blank: any."
      />
      {making.error !== null && <ProblemNotice error={making.error} />}
      <div className="form-end">
        <button type="submit" className="button primary" disabled={making.isPending}>
          Make the connection and its token
        </button>
      </div>
    </form>
  );
}

function Issuers({ issuers }: { readonly issuers: readonly string[] }) {
  return (
    <div className="derived">
      <span>Tokens are believed where their iss is</span>
      {issuers.map((issuer) => (
        <code key={issuer} className="breaks">
          {issuer}
        </code>
      ))}
    </div>
  );
}

function SubjectFields({ guide: { subject } }: { readonly guide: Guide }) {
  return (
    <details className="details">
      <summary>
        A token finds its user where <code>{subject.claim}</code> equals <code>{subject.attribute}</code>
      </summary>
      <p className="quiet">{subject.why}</p>
      <TextField label="Claim of the token" name="subjectClaim" required defaultValue={subject.claim} maxLength={100} />
      <TextField
        label="Attribute of the directory"
        name="subjectAttribute"
        required
        defaultValue={subject.attribute}
        maxLength={200}
      />
      <SelectField
        label="Compared"
        name="subjectCompare"
        defaultValue={subject.compare}
        choices={[
          ["exact", "Exactly"],
          ["casefold", "Without case"],
        ]}
      />
    </details>
  );
}

function Described({ connection }: { readonly connection: Connection }) {
  return (
    <>
      <Notice tone="good" title={`The connection ${connection.slug} is there.`} />
      <Facts
        facts={[
          [
            "Issuers",
            connection.issuers.map((issuer) => (
              <div key={issuer} className="breaks">
                {issuer}
              </div>
            )),
          ],
          ["A token finds its user by", <Rule connection={connection} />],
        ]}
      />
    </>
  );
}

function bodyOf(
  guide: Guide,
  values: Readonly<Record<string, string>>,
  form: FormData,
): Readonly<Record<string, unknown>> {
  const audience = said(form, "audience");
  return {
    slug: said(form, "slug"),
    name: said(form, "name"),
    kind: guide.kind,
    issuers: guide.issuersOf(values),
    subjectClaim: said(form, "subjectClaim"),
    subjectRule: "attribute",
    subjectAttribute: said(form, "subjectAttribute"),
    subjectCompare: said(form, "subjectCompare"),
    ...(audience === undefined ? {} : { audience }),
  };
}

/** Two requests, and the second goes on where the first has succeeded before: a slug is taken once. */
function useMaking(guide: Guide, onMade: (made: Made) => void) {
  const client = useQueryClient();
  const apiPath = useApiPath();
  const { tenant } = usePlace();
  const [connection, setConnection] = useState<Connection>();
  return useMutation<Made, Problem, Readonly<Record<string, unknown>>>({
    mutationFn: async (body) => {
      const there = connection ?? (await request<Connection>("POST", apiPath("/connections"), body));
      setConnection(there);
      const { token } = await request<{ readonly token: string }>("POST", apiPath("/tokens"), {
        purpose: "scim",
        connection: there.slug,
        label: `${guide.name}, by the console`,
      });
      return { connection: there, token };
    },
    onSuccess: async (made) => {
      onMade(made);
      await invalidate(client, tenant.slug, ["connections", "tokens", "audit", "overview"]);
    },
  });
}
