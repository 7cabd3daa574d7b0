import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { Problem } from "./api/problem.ts";
import { sessionQuery } from "./api/session.ts";
import { App } from "./app.tsx";
import { applyTheme } from "./parts/theme.ts";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/table.css";
import "./style/pages.css";

applyTheme();
const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      // A session that has ended ends everywhere at once.
      if (error instanceof Problem && error.status === 401) client.setQueryData(sessionQuery.queryKey, null);
    },
  }),
  defaultOptions: {
    queries: {
      // Pages that nobody looks at any more are forgotten, so that paging through a long list holds no more than two.
      gcTime: 0,
      staleTime: 1_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) =>
        error instanceof Problem && (error.status === 0 || error.status === 503) && failures < 2,
    },
  },
});

const place = document.querySelector("#rollcall");
if (place === null) throw new Error("the page has no place for the console");
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Router base="/console">
        <App />
      </Router>
    </QueryClientProvider>
  </StrictMode>,
);
