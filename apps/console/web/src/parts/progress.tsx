import { figure } from "./words.ts";

/** How far something is; where nobody knows how much there is, it says so by moving alone. */
export function Progress({
  label,
  done,
  of,
}: {
  readonly label: string;
  readonly done: number;
  readonly of: number | undefined;
}) {
  const known = of !== undefined && of > 0;
  return (
    <div className="progress">
      <progress aria-label={label} {...(known ? { value: Math.min(done, of), max: of } : {})} />
      <span className="figure">
        {figure(done)}
        {known && ` of ${figure(of)}`}
      </span>
    </div>
  );
}
