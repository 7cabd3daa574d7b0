import type { Cause, Explanation, ExplainStep, GatewayTold } from "../api/explanation.ts";
import { Facts } from "../parts/facts.tsx";
import { Mark } from "../parts/mark.tsx";
import { Notice } from "../parts/notice.tsx";
import { Moment } from "../parts/time.tsx";
import { figure, span, wordsOf } from "../parts/words.ts";

/** The verdict, what it is about, and the checklist that led to it. */
export function Explained({ explanation }: { readonly explanation: Explanation }) {
  const { verdict, steps, causes = [] } = explanation;
  const others = causes.filter(({ code }) => code !== verdict.code);
  return (
    <>
      <Notice tone={verdict.code === "ok" ? "good" : "bad"} title={verdict.sentence}>
        <p className="breaks">{verdict.fix}</p>
        <p className="quiet">
          <code>{verdict.code}</code>
        </p>
      </Notice>
      <About explanation={explanation} />
      <ol className="checklist">
        {steps.map((step, index) => (
          // A step may come twice, as for two connections of one issuer.
          <Checked key={`${step.step} ${index}`} step={step} />
        ))}
      </ol>
      {others.length > 0 && <Others causes={others} />}
    </>
  );
}

/** What gateways told, where the question was about a request or about a span of time. */
function About({ explanation: { refusal, refusals } }: { readonly explanation: Explanation }) {
  if (refusals !== undefined)
    return (
      <Facts
        facts={[
          ["Refused", figure(refusals.total)],
          ["Subjects", figure(refusals.subjects)],
          [
            "Reasons",
            refusals.reasons.map(({ reason, count }) => (
              <div key={reason}>{`${wordsOf(reason)}: ${figure(count)}`}</div>
            )),
          ],
          ["Gateways", refusals.gateways.join(", ")],
          ["From", <Moment at={refusals.from} />],
          ["Until", <Moment at={refusals.to} />],
        ]}
      />
    );
  if (refusal === undefined) return null;
  return (
    <Facts
      facts={[
        ["Refused by", refusal.gateway],
        ["Its reason", wordsOf(refusal.reason)],
        ["At", <Moment at={refusal.at} />],
      ]}
    />
  );
}

function Checked({ step: { step, status, evidence, fix, gateways = [] } }: { readonly step: ExplainStep }) {
  return (
    <li className={status}>
      <Mark standing={status === "ok" ? "in" : status === "problem" ? "out" : "unknown"}>
        {wordsOf(step)}
        <span className="unseen">: {status === "ok" ? "in order" : status === "problem" ? "wrong" : "unknown"}</span>
      </Mark>
      <div>
        <p className="breaks">{evidence}</p>
        {fix !== undefined && status !== "ok" && <p className="fix breaks">{fix}</p>}
        {gateways.length > 0 && (
          <ul className="plain">
            {gateways.map((gateway) => (
              <Told key={gateway.name + gateway.follows} gateway={gateway} />
            ))}
          </ul>
        )}
      </div>
    </li>
  );
}

function Told({ gateway: { name, standing, asOfAgeMs, enforces } }: { readonly gateway: GatewayTold }) {
  return (
    <li className="breaks">
      <Mark standing={enforces === undefined ? "unknown" : enforces ? "in" : "late"}>{name}</Mark>
      <span className="quiet">
        {standing}, holds all until {span(asOfAgeMs)} ago{enforces === false && ", does not enforce it yet"}
      </span>
    </li>
  );
}

function Others({ causes }: { readonly causes: readonly Cause[] }) {
  return (
    <>
      <h3>What else may be wrong</h3>
      <ul className="checklist">
        {causes.map(({ code, step, sentence, fix, count }) => (
          <li key={code + step}>
            <span>
              {wordsOf(step)}
              {count !== undefined && `, ${figure(count)} times`}
            </span>
            <div>
              <p className="breaks">{sentence}</p>
              <p className="fix breaks">{fix}</p>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}
