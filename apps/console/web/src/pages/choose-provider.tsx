import type { Guide } from "../setup/guide.ts";
import { guides } from "../setup/guides.ts";

type ChooseProps = {
  readonly chosen: Guide | undefined;
  readonly fixed: boolean;
  readonly onChoose: (guide: Guide) => void;
};

export function ChooseProvider({ chosen, fixed, onChoose }: ChooseProps) {
  return (
    <fieldset className="choices" disabled={fixed}>
      <legend className="unseen">Identity provider</legend>
      {guides.map((guide) => (
        <label key={guide.kind} className="choice">
          <input
            type="radio"
            name="provider"
            value={guide.kind}
            checked={chosen?.kind === guide.kind}
            onChange={() => onChoose(guide)}
          />
          <span>
            <strong>{guide.name}</strong>
            <span className="quiet">{guide.for}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
