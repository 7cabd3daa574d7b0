import { useState } from "react";
import { useLocation } from "wouter";
import type { UserHistory } from "../api/people.ts";
import { usePagePath } from "../api/tenant.ts";
import { type Act, useAct } from "../api/use-act.ts";
import { Confirm } from "../parts/dialog.tsx";
import { said, SelectField, TextField } from "../parts/field.tsx";

type Deed = "suspend" | "unsuspend" | "revoke" | "resync";

const deeds: Readonly<Record<Deed, { readonly name: string; readonly says: string; readonly done: string }>> = {
  suspend: {
    name: "Suspend",
    says: "No token of theirs passes from now on, whatever the identity provider says, until it is lifted.",
    done: "Suspended",
  },
  unsuspend: {
    name: "Lift the suspension",
    says: "Only an admin's suspension is lifted. What the identity provider says stands.",
    done: "Lifted",
  },
  revoke: {
    name: "End their sessions",
    says: "Every token issued until now is refused. They may log in again at once.",
    done: "Tokens of before are refused",
  },
  resync: {
    name: "Resync",
    says: "The user store is brought to what the directory says of them.",
    done: "Resync started",
  },
};

/** What an operator may do about a person. */
export function PersonActs({
  person: { id, denials },
  onClose,
}: {
  readonly person: UserHistory;
  readonly onClose: () => void;
}) {
  const suspended = denials.some(({ reason }) => reason === "admin_suspended");
  const [deed, setDeed] = useState<Deed>(suspended ? "unsuspend" : "suspend");
  const [, navigate] = useLocation();
  const pagePath = usePagePath();
  const act = useAct<{ readonly id?: string }>({
    changes: ["users", "revocations", "events", "runs"],
    done: deeds[deed].done,
    onDone: ({ id: run }) => {
      onClose();
      if (deed === "resync" && run !== undefined) navigate(pagePath(`/resyncs/${run}`));
    },
  });
  const choices = (Object.keys(deeds) as Deed[]).filter((each) => each !== (suspended ? "suspend" : "unsuspend"));
  return (
    <Confirm
      title="What to do about them"
      deed={deeds[deed].name}
      dangerous={deed === "suspend" || deed === "revoke"}
      pending={act.isPending}
      error={act.error}
      onConfirm={(form) => act.mutate(actOf(deed, id, said(form, "note")))}
      onClose={onClose}
    >
      <SelectField
        label="Deed"
        value={deed}
        onChange={(event) => setDeed(event.target.value as Deed)}
        choices={choices.map((each) => [each, deeds[each].name])}
        hint={deeds[deed].says}
      />
      {deed !== "resync" && <TextField label="Note" name="note" maxLength={500} hint="Why; it is kept in the audit." />}
    </Confirm>
  );
}

function actOf(deed: Deed, id: string, note: string | undefined): Act {
  const noted = note === undefined ? {} : { note };
  switch (deed) {
    case "suspend":
    case "unsuspend":
      return { method: "POST", path: `/users/${id}/${deed}`, body: noted };
    case "revoke":
      return { method: "POST", path: "/revocations", body: { userId: id, kind: "nbf", ...noted } };
    case "resync":
      return { method: "POST", path: "/resyncs", body: { scope: "user", userId: id } };
  }
}
