import { type SyntheticEvent, useState } from "react";
import { useMutation } from "@tanstack/react-query";
import { useSearch } from "wouter";
import type { Explanation } from "../api/explanation.ts";
import type { Problem } from "../api/problem.ts";
import { request } from "../api/request.ts";
import { usePlace } from "../api/tenant.ts";
import { said, SelectField, TextArea, TextField, typed } from "../parts/field.tsx";
import { ProblemNotice } from "../parts/notice.tsx";
import { Page, Section } from "../parts/page.tsx";
import { Explained } from "./explained.tsx";

const kinds = [
  ["token", "A token"],
  ["sub", "A subject (sub)"],
  ["email", "An e-mail address"],
  ["requestId", "A request id"],
  ["line", "A line of a gateway's log"],
  ["from", "A span of time"],
] as const;
type Kind = (typeof kinds)[number][0];

/** Why a token or a subject is refused, step by step, with what was seen and what to do. */
export function ExplainPage() {
  const { tenant } = usePlace();
  const search = new URLSearchParams(useSearch());
  const given = kinds.find(([each]) => each !== "token" && search.has(each))?.[0];
  const [kind, setKind] = useState<Kind>(given ?? "token");
  const explaining = useMutation<Explanation, Problem, Readonly<Record<string, unknown>>>({
    mutationFn: (body) => request("POST", "/v1/explain", { ...body, tenant: tenant.slug }),
  });
  const submit = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    explaining.mutate(kind === "from" ? spanOf(form) : questionOf(kind, form));
  };
  return (
    <Page title="Explain" lead="Paste what you have. It is used for the answer and kept nowhere.">
      <form className="form wide" onSubmit={submit}>
        <SelectField
          label="What you have"
          value={kind}
          choices={kinds}
          onChange={(event) => setKind(event.target.value as Kind)}
        />
        <Question key={kind} kind={kind} given={search} />
        <div className="form-end">
          <button type="submit" className="button primary" disabled={explaining.isPending}>
            Explain
          </button>
        </div>
      </form>
      <div aria-live="polite">
        {explaining.error !== null && <ProblemNotice error={explaining.error} />}
        {explaining.data !== undefined && (
          <Section title="Why">
            <Explained explanation={explaining.data} />
          </Section>
        )}
      </div>
    </Page>
  );
}

/** What is asked, beginning with what the address had of it. */
function Question({ kind, given }: { readonly kind: Kind; readonly given: URLSearchParams }) {
  if (kind === "from")
    return (
      <>
        <TextField label="From" name="from" type="datetime-local" required />
        <TextField label="Until" name="to" type="datetime-local" hint="Blank: now. Seven days at most." />
      </>
    );
  return (
    <>
      <TextArea
        label={kinds.find(([each]) => each === kind)?.[1] ?? ""}
        name="value"
        required
        maxLength={16_384}
        rows={kind === "token" || kind === "line" ? 5 : 2}
        defaultValue={given.get(kind) ?? ""}
      />
      {kind === "sub" && (
        <TextField
          label="Its issuer"
          name="iss"
          maxLength={512}
          hint="Where it is known."
          defaultValue={given.get("iss") ?? ""}
        />
      )}
    </>
  );
}

/** As it was pasted: a blank at the end may be what is wrong. */
function questionOf(kind: Kind, form: FormData): Readonly<Record<string, string>> {
  const iss = kind === "sub" ? said(form, "iss") : undefined;
  return { [kind]: typed(form, "value"), ...(iss === undefined ? {} : { iss }) };
}

/** A form's moments are of this machine's clock. */
function spanOf(form: FormData): Readonly<Record<string, string>> {
  const [from, to] = ["from", "to"]
    .map((name) => said(form, name))
    .map((at) => (at === undefined ? undefined : new Date(at).toISOString()));
  return { from: from ?? "", ...(to === undefined ? {} : { to }) };
}
