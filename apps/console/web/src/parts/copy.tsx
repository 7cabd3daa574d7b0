import { useState } from "react";
import { announce } from "./announcements.ts";

type CopyProps = { readonly label: string; readonly value: string; readonly secret?: boolean };

/** A value to be pasted elsewhere. A secret is copied without being shown, unless somebody asks to see it. */
export function CopyValue({ label, value, secret = false }: CopyProps) {
  const [shown, setShown] = useState(!secret);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(value);
      announce(`${label} copied`);
    } catch {
      // Without https a browser gives nobody its clipboard; then it is marked and copied by hand.
      setShown(true);
      announce("The browser does not let pages copy here: mark it and copy it by hand");
    }
  };
  return (
    <div className="copy">
      <span className="copy-label">{label}</span>
      <code>{shown ? value : "•".repeat(24)}</code>
      <span className="copy-acts">
        {secret && (
          <button type="button" className="button small" aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? "Hide" : "Show"} <span className="unseen">{label}</span>
          </button>
        )}
        <button type="button" className="button small" onClick={() => void copy()}>
          Copy <span className="unseen">{label}</span>
        </button>
      </span>
    </div>
  );
}
