import { useQuery } from "@tanstack/react-query";
import { request } from "../api/request.ts";

/** Where identity providers send what they have to say. */
export function useScimUrl(): string | undefined {
  const { data } = useQuery({
    queryKey: ["settings"],
    queryFn: () => request<{ readonly scimUrl: string }>("GET", "/console/settings.json"),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 3_600_000,
  });
  return data?.scimUrl;
}
