import { SelectField, TextField, typed } from "./field.tsx";

const units = {
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
} as const;
export type Unit = keyof typeof units;

type SpanProps = {
  readonly label: string;
  readonly name: string;
  /** What may be chosen, the longest first. */
  readonly choices: readonly [...Unit[], Unit];
  readonly valueMs: number;
  readonly problem?: string | undefined;
};

/** A span of time as a number and its unit: the longest in which it is a whole number. */
export function SpanField({ label, name, choices, valueMs, problem }: SpanProps) {
  const unit = choices.find((one) => valueMs % units[one] === 0) ?? choices.at(-1);
  return (
    <div className="pair">
      <TextField
        label={label}
        name={name}
        type="number"
        step="any"
        required
        defaultValue={unit === undefined ? undefined : valueMs / units[unit]}
        problem={problem}
      />
      <SelectField
        label="Unit"
        name={`${name}.unit`}
        defaultValue={unit}
        choices={choices.map((one) => [one, one] as const)}
      />
    </div>
  );
}

/** The span that was typed, in milliseconds. */
export function typedSpan(form: FormData, name: string): number {
  const unit = units[typed(form, `${name}.unit`) as Unit];
  // What is left of a product is nothing that somebody has typed.
  return Number((Number(typed(form, name)) * unit).toFixed(3));
}
