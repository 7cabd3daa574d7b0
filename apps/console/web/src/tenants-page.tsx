import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SyntheticEvent, useState } from "react";
import { Link, useLocation } from "wouter";
import type { Problem } from "./api/problem.ts";
import { request } from "./api/request.ts";
import { type Session, sessionQuery, type TenantSeen } from "./api/session.ts";
import { Dialog } from "./parts/dialog.tsx";
import { said, TextField } from "./parts/field.tsx";
import { Empty, ProblemNotice } from "./parts/notice.tsx";
import { Page } from "./parts/page.tsx";
import { Table } from "./parts/table.tsx";

/** The tenants that whoever is logged in may see. */
export function TenantsPage({ session }: { readonly session: Session }) {
  const [making, setMaking] = useState(false);
  const make = (
    <button type="button" className="button primary" onClick={() => setMaking(true)}>
      New tenant
    </button>
  );
  return (
    <Page
      title="Tenants"
      lead="Each stands for itself: nothing of one is seen from another."
      actions={session.operator && make}
    >
      {session.tenants.length === 0 ? (
        <Empty title="There is no tenant yet" />
      ) : (
        <Table<TenantSeen>
          label="Tenants"
          rows={session.tenants}
          rowKey={({ id }) => id}
          columns={[
            { head: "Name", cell: ({ slug, name }) => <Link href={`/t/${encodeURIComponent(slug)}`}>{name}</Link> },
            { head: "Slug", cell: ({ slug }) => <code>{slug}</code> },
            { head: "You are", cell: ({ role }) => role },
          ]}
        />
      )}
      {session.operator && <OpenTenant />}
      {making && <NewTenant onClose={() => setMaking(false)} />}
    </Page>
  );
}

/** The session lists the first two hundred; an operator of more knows what they are called. */
function OpenTenant() {
  const [, navigate] = useLocation();
  const open = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const slug = said(new FormData(event.currentTarget), "slug");
    if (slug !== undefined) navigate(`/t/${encodeURIComponent(slug)}`);
  };
  return (
    <form className="find section" onSubmit={open}>
      <TextField label="Or open one by its slug" name="slug" required maxLength={63} />
      <button type="submit" className="button">
        Open
      </button>
    </form>
  );
}

function NewTenant({ onClose }: { readonly onClose: () => void }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const making = useMutation<
    { readonly slug: string },
    Problem,
    { slug: string | undefined; name: string | undefined }
  >({
    mutationFn: (body) => request("POST", "/v1/admin/tenants", body),
    onSuccess: async ({ slug }) => {
      await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
      navigate(`/t/${slug}`);
    },
  });
  const submit = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    making.mutate({ slug: said(form, "slug"), name: said(form, "name") });
  };
  return (
    <Dialog title="New tenant" onClose={onClose}>
      <form className="form" onSubmit={submit}>
        <TextField label="Name" name="name" required maxLength={200} />
        <TextField
          label="Slug"
          name="slug"
          required
          pattern="[a-z0-9][a-z0-9\-]{0,62}"
          hint="In every address: lower-case letters, digits and hyphens. It never changes."
        />
        {making.error !== null && <ProblemNotice error={making.error} />}
        <div className="form-end">
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={making.isPending}>
            Make it
          </button>
        </div>
      </form>
    </Dialog>
  );
}
