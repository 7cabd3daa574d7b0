import { useId, useState } from "react";
import type { Connection, PullPlan } from "../api/connections.ts";
import { useMay } from "../api/tenant.ts";
import { useAnswer } from "../api/use-answer.ts";
import { ChangeDialog, type ProblemAt } from "../parts/change-dialog.tsx";
import { Facts } from "../parts/facts.tsx";
import { CheckField, TextField, typed, typedPercent } from "../parts/field.tsx";
import { Go } from "../parts/go.tsx";
import { Notice } from "../parts/notice.tsx";
import { Section } from "../parts/page.tsx";
import { SpanField, typedSpan } from "../parts/span-field.tsx";
import { figure, ofHundred, percent, span } from "../parts/words.ts";

/** How often a connection's provider is asked for everybody, and what a listing may do before it asks somebody. */
export function PullSchedule({ connection: { slug, pull } }: { readonly connection: Connection }) {
  const maySet = useMay("admin");
  const [setting, setSetting] = useState(false);
  const provider = useAnswer("connections", `/connections/${encodeURIComponent(slug)}/provider`);
  const hasNone = provider.error?.code === "not_found";
  const set = (
    <button type="button" className="button small" onClick={() => setSetting(true)}>
      Set the schedule
    </button>
  );
  return (
    <Section title="Listing everybody" aside={maySet && set}>
      {hasNone && (
        <Notice tone={pull === undefined ? "plain" : "late"} title="It has no provider that could be asked.">
          <p>
            Nothing is listed until it has one: <code>rollcall provider set {slug}</code>.
          </p>
        </Notice>
      )}
      {pull === undefined ? (
        <p className="quiet">
          Nobody asks its provider for everybody by itself. By hand it is asked on the page <Go to="/pulls">Pulls</Go>.
        </p>
      ) : (
        <Facts
          facts={[
            ["Everybody is listed", `every ${span(pull.everySec * 1_000)}`],
            [
              "A listing waits for somebody",
              `where it would shut out more than ${percent(pull.brakeShare)}, and more than ${figure(pull.brakeCount)}`,
            ],
            ["What came of it", <Go to="/pulls">its pulls</Go>],
          ]}
        />
      )}
      {setting && <SetSchedule slug={slug} onClose={() => setSetting(false)} />}
    </Section>
  );
}

const names = ["pull.everySec", "pull.brakeShare", "pull.brakeCount"];

function SetSchedule({ slug, onClose }: { readonly slug: string; readonly onClose: () => void }) {
  return (
    <ChangeDialog<Connection>
      title="List everybody by itself"
      path={`/connections/${encodeURIComponent(slug)}`}
      method="PATCH"
      deed="Set"
      bodyOf={(form) => ({ pull: planOf(form) })}
      fields={names}
      changes={["connections"]}
      done={() => "Set"}
      onClose={onClose}
    >
      {({ pull }, problemAt) => <Fields pull={pull} problemAt={problemAt} />}
    </ChangeDialog>
  );
}

/** What is offered to whoever turns it on: the brake is where it is for a listing by hand. */
const offered: PullPlan = { everySec: 3_600, brakeShare: 0.05, brakeCount: 20 };

type FieldsProps = { readonly pull: PullPlan | undefined; readonly problemAt: ProblemAt };

function Fields({ pull, problemAt }: FieldsProps) {
  const id = useId();
  const [isOn, setOn] = useState(pull !== undefined);
  const { everySec, brakeShare, brakeCount } = pull ?? offered;
  return (
    <>
      <CheckField
        label="Ask the provider for everybody, again and again"
        name="on"
        checked={isOn}
        onChange={(event) => setOn(event.target.checked)}
      />
      {isOn && (
        <>
          <SpanField
            label="Every"
            name="every"
            choices={["days", "hours", "minutes", "seconds"]}
            valueMs={everySec * 1_000}
            problem={problemAt("pull.everySec")}
          />
          <fieldset className="part" aria-describedby={id}>
            <legend>The brake</legend>
            <p className="hint" id={id}>
              A listing waits for somebody where it would shut out more than both. The number also counts for users whom
              it would change in any way.
            </p>
            <div className="pair">
              <TextField
                label="Of those who may enter (%)"
                name="share"
                type="number"
                step="any"
                required
                defaultValue={ofHundred(brakeShare)}
                problem={problemAt("pull.brakeShare")}
              />
              <TextField
                label="Number of users"
                name="count"
                type="number"
                required
                defaultValue={brakeCount}
                problem={problemAt("pull.brakeCount")}
              />
            </div>
          </fieldset>
        </>
      )}
    </>
  );
}

/** null ends the schedule. */
function planOf(form: FormData): PullPlan | null {
  if (form.get("on") === null) return null;
  return {
    everySec: typedSpan(form, "every") / 1_000,
    brakeShare: typedPercent(form, "share"),
    brakeCount: Number(typed(form, "count")),
  };
}
