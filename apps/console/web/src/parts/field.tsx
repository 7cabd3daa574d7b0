import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";

type Labelled = { readonly label: string; readonly hint?: ReactNode; readonly problem?: string | undefined };

/** A label with what it labels, and beneath it what helps or what is wrong. */
function Frame({
  id,
  label,
  hint,
  problem,
  children,
}: Labelled & { readonly id: string; readonly children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint !== undefined && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p className="wrong" id={`${id}-wrong`}>
          {problem}
        </p>
      )}
    </div>
  );
}

function described(id: string, { hint, problem }: Labelled) {
  const by = [hint === undefined ? "" : `${id}-hint`, problem === undefined ? "" : `${id}-wrong`].join(" ").trim();
  return {
    id,
    ...(by === "" ? {} : { "aria-describedby": by }),
    ...(problem === undefined ? {} : { "aria-invalid": true }),
  };
}

export function TextField({ label, hint, problem, ...input }: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} problem={problem}>
      <input type="text" autoComplete="off" {...input} {...described(id, { label, hint, problem })} />
    </Frame>
  );
}

export function TextArea({ label, hint, problem, ...input }: Labelled & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} problem={problem}>
      <textarea
        rows={4}
        autoComplete="off"
        spellCheck={false}
        {...input}
        {...described(id, { label, hint, problem })}
      />
    </Frame>
  );
}

type Choice = readonly [value: string, name: string];

export function SelectField({
  label,
  hint,
  problem,
  choices,
  ...select
}: Labelled & { readonly choices: readonly Choice[] } & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  return (
    <Frame id={id} label={label} hint={hint} problem={problem}>
      <select {...select} {...described(id, { label, hint, problem })}>
        {choices.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </Frame>
  );
}

export function CheckField({ label, hint, ...input }: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="field check">
      <input type="checkbox" {...input} {...described(id, { label, hint })} />
      <label htmlFor={id}>{label}</label>
      {hint !== undefined && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Text of a form as it was typed or pasted, blanks and all. */
export function typed(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}

/** So many of a hundred that were typed, as a share of one. */
export function typedPercent(form: FormData, name: string): number {
  // What is left of a division is nothing that somebody has typed.
  return Number((Number(typed(form, name)) / 100).toFixed(6));
}

/** Text of a form as the API takes it: what is blank is left out. */
export function said(form: FormData, name: string): string | undefined {
  const value = typed(form, name).trim();
  return value === "" ? undefined : value;
}
