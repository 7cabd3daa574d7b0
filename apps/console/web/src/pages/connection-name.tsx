import { useConnections } from "../api/connections.ts";
import { Go } from "../parts/go.tsx";

/** A connection by the name that its admin gave it, given its id or its slug. */
export function ConnectionName({ id }: { readonly id: string | null | undefined }) {
  const { data } = useConnections();
  if (id === null || id === undefined) return <>none</>;
  const found = data?.items.find((connection) => connection.id === id || connection.slug === id);
  return found === undefined ? <code>{id}</code> : <Go to={`/connections/${found.slug}`}>{found.name}</Go>;
}
