import { type SyntheticEvent } from "react";
import { useLocation, useSearch } from "wouter";
import { useConnections } from "../api/connections.ts";
import type { Group } from "../api/people.ts";
import { SelectField, TextField, typed } from "../parts/field.tsx";
import { Go } from "../parts/go.tsx";
import { KeysetList } from "../parts/keyset-list.tsx";
import { Mark } from "../parts/mark.tsx";
import { Empty } from "../parts/notice.tsx";
import { Page } from "../parts/page.tsx";
import { When } from "../parts/time.tsx";
import { ConnectionName } from "./connection-name.tsx";

/** The groups of the directory, and those whose names begin with something. */
export function GroupsPage() {
  const search = new URLSearchParams(useSearch());
  const [name, connection] = [search.get("name") ?? undefined, search.get("connection") ?? undefined];
  return (
    <Page title="Groups" lead="As each identity provider last described them.">
      <FindGroup name={name ?? ""} connection={connection ?? ""} />
      <KeysetList<Group>
        topic="groups"
        path="/groups"
        query={{ name, connection }}
        label="Groups"
        rowKey={({ id }) => id}
        empty={<Empty title={name === undefined ? "There is no group yet" : "No group's name begins so"} />}
        columns={[
          {
            head: "Group",
            cell: ({ id, displayName }) => (
              <Go to={`/groups/${id}`} className="breaks">
                {displayName}
              </Go>
            ),
          },
          { head: "Connection", cell: ({ connectionId }) => <ConnectionName id={connectionId} /> },
          {
            head: "externalId",
            cell: ({ externalId }) => (externalId ? <code className="breaks">{externalId}</code> : "none"),
          },
          { head: "Changed", cell: ({ updatedAt }) => <When at={updatedAt} /> },
          {
            head: "Standing",
            cell: ({ behind }) =>
              behind ? <Mark standing="waiting">a change waits</Mark> : <Mark standing="in">in step</Mark>,
          },
        ]}
      />
    </Page>
  );
}

function FindGroup({ name, connection }: { readonly name: string; readonly connection: string }) {
  const [location, navigate] = useLocation();
  const { data } = useConnections();
  const find = (event: SyntheticEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const query = new URLSearchParams();
    for (const field of ["name", "connection"]) {
      const value = typed(form, field);
      if (value !== "") query.set(field, value);
    }
    const text = query.toString();
    navigate(text === "" ? location : `${location}?${text}`);
  };
  return (
    <form className="find" role="search" onSubmit={find} key={`${name} ${connection}`}>
      <TextField label="Name begins with" name="name" type="search" defaultValue={name} maxLength={255} />
      <SelectField
        label="Connection"
        name="connection"
        key={data === undefined ? "none" : "all"}
        defaultValue={connection}
        choices={[["", "All"], ...(data?.items ?? []).map(({ slug, name: called }) => [slug, called] as const)]}
      />
      <button type="submit" className="button primary">
        Find
      </button>
    </form>
  );
}
