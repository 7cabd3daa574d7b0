import { useState } from "react";
import { useLocation } from "wouter";
import type { Connection } from "../api/connections.ts";
import { withQuery } from "../api/request.ts";
import { useMay, usePagePath } from "../api/tenant.ts";
import { useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { said, TextField } from "../parts/field.tsx";
import { EditConnection } from "./edit-connection.tsx";

type Deed = "edit" | "token" | "pause" | "remove";
type ActsProps = { readonly connection: Connection; readonly onToken: (token: string) => void };

/** What an admin may do with a connection, and an operator: stop what goes wrong. */
export function ConnectionActs({ connection, onToken }: ActsProps) {
  const [isAdmin, isOperator] = [useMay("admin"), useMay("operator")];
  const [deed, setDeed] = useState<Deed>();
  const close = (): void => setDeed(undefined);
  const isPaused = (connection.pausedAt ?? undefined) !== undefined;
  const offered: readonly (readonly [Deed, string])[] = [
    ...(isAdmin
      ? ([
          ["edit", "Change"],
          ["token", "Issue a token"],
        ] as const)
      : []),
    ...(isOperator ? ([["pause", isPaused ? "Resume" : "Pause"]] as const) : []),
    ...(isAdmin ? ([["remove", "Remove"]] as const) : []),
  ];
  return (
    <>
      {offered.map(([each, name]) => (
        <button
          key={each}
          type="button"
          className={`button ${each === "remove" ? "danger" : ""}`}
          onClick={() => setDeed(each)}
        >
          {name}
        </button>
      ))}
      {deed === "edit" && <EditConnection slug={connection.slug} onClose={close} />}
      {deed === "token" && <IssueToken connection={connection} onToken={onToken} onClose={close} />}
      {deed === "pause" && <Pause connection={connection} isPaused={isPaused} onClose={close} />}
      {deed === "remove" && <Remove connection={connection} onClose={close} />}
    </>
  );
}

type DeedProps = { readonly connection: Connection; readonly onClose: () => void };

function IssueToken({ connection, onToken, onClose }: DeedProps & Pick<ActsProps, "onToken">) {
  const act = useAct<{ readonly token: string }>({
    changes: ["tokens"],
    done: "Issued; it is shown below, once",
    onDone: ({ token }) => {
      onToken(token);
      onClose();
    },
  });
  return (
    <Confirm
      title="Issue a token"
      deed="Issue"
      pending={act.isPending}
      error={act.error}
      onClose={onClose}
      onConfirm={(form) =>
        act.mutate({
          method: "POST",
          path: "/tokens",
          body: { purpose: "scim", connection: connection.slug, label: said(form, "label") },
        })
      }
    >
      <p>Those before go on living: give the new one to the identity provider, then revoke the old one.</p>
      <TextField
        label="Label"
        name="label"
        required
        maxLength={200}
        defaultValue={`${connection.name}, by the console`}
      />
    </Confirm>
  );
}

function Pause({ connection, isPaused, onClose }: DeedProps & { readonly isPaused: boolean }) {
  const act = useAct({ changes: ["connections", "overview"], done: isPaused ? "Resumed" : "Paused", onDone: onClose });
  const verb = isPaused ? "resume" : "pause";
  return (
    <Confirm
      title={`${isPaused ? "Resume" : "Pause"} ${connection.name}?`}
      deed={isPaused ? "Resume" : "Pause"}
      pending={act.isPending}
      error={act.error}
      onClose={onClose}
      onConfirm={(form) => {
        const note = said(form, "note");
        act.mutate({
          method: "POST",
          path: `/connections/${connection.slug}/${verb}`,
          body: note === undefined ? {} : { note },
        });
      }}
    >
      <p>
        {isPaused
          ? "It takes everything again. What was refused meanwhile its provider sends once more."
          : "It takes who leaves, and refuses all else, until it is resumed."}
      </p>
      <TextField label="Note" name="note" maxLength={500} />
    </Confirm>
  );
}

function Remove({ connection, onClose }: DeedProps) {
  const [, navigate] = useLocation();
  const pagePath = usePagePath();
  const act = useAct({
    changes: ["connections", "tokens", "overview"],
    done: "Removed",
    onDone: () => navigate(pagePath("/connections")),
  });
  return (
    <Confirm
      title={`Remove ${connection.name}?`}
      deed="Remove it"
      dangerous
      pending={act.isPending}
      error={act.error}
      onClose={onClose}
      onConfirm={(form) => {
        // The service wants to hear it too: where somebody would be shut out it removes nothing without the slug.
        const path = withQuery(`/connections/${connection.slug}`, { confirm: said(form, "sure") });
        act.mutate({ method: "DELETE", path });
      }}
    >
      <p>Its tokens die at once, and everybody whom it alone vouches for is shut out. This is not taken back.</p>
      <TextField
        label={`Type ${connection.slug} to say that you mean it`}
        name="sure"
        required
        pattern={connection.slug}
      />
    </Confirm>
  );
}
