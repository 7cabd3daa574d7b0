import { type Objective, type Stage, stageNames } from "../api/overview.ts";
import { ChangeDialog } from "../parts/change-dialog.tsx";
import { TextField, typedPercent } from "../parts/field.tsx";
import { SpanField, typedSpan } from "../parts/span-field.tsx";
import { ofHundred } from "../parts/words.ts";

const names = ["p99Ms", "share"];

/** Says how quick a stage is to be. */
export function SetObjective({ stage, onClose }: { readonly stage: Stage; readonly onClose: () => void }) {
  const { from, to } = stageNames[stage];
  return (
    <ChangeDialog<{ readonly items: readonly Objective[] }>
      title={`From ${from.toLowerCase()} to ${to.toLowerCase()}`}
      path="/objectives"
      changedAt={`/objectives/${stage}`}
      method="PUT"
      deed="Set"
      bodyOf={(form) => ({ p99Ms: typedSpan(form, "within"), share: typedPercent(form, "share") })}
      fields={names}
      changes={["objectives", "lag", "overview"]}
      done={() => "Set"}
      onClose={onClose}
    >
      {({ items }, problemAt) => {
        const objective = items.find((one) => one.stage === stage);
        return (
          objective !== undefined && (
            <>
              <SpanField
                label="Within"
                name="within"
                choices={["hours", "minutes", "seconds", "milliseconds"]}
                valueMs={objective.p99Ms}
                problem={problemAt("p99Ms")}
              />
              <TextField
                label="At least this share (%)"
                name="share"
                type="number"
                step="any"
                required
                defaultValue={ofHundred(objective.share)}
                hint="The rest may be late. How fast it is used up decides when an alert opens."
                problem={problemAt("share")}
              />
            </>
          )
        );
      }}
    </ChangeDialog>
  );
}
