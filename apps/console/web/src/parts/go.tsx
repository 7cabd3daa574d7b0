import type { ReactNode } from "react";
import { Link } from "wouter";
import { usePagePath } from "../api/tenant.ts";

type GoProps = { readonly to: string; readonly className?: string; readonly children: ReactNode };

/** A link to another page of the tenant. */
export function Go({ to, className, children }: GoProps) {
  const pagePath = usePagePath();
  return (
    <Link href={pagePath(to)} className={className}>
      {children}
    </Link>
  );
}
