import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The console's pages, served under `/console/` from files of our own: nothing inline, nothing from elsewhere. */
export default defineConfig({
  root: fileURLToPath(new URL("web", import.meta.url)),
  base: "/console/",
  publicDir: false,
  plugins: [react()],
  logLevel: "warn",
  build: {
    emptyOutDir: true,
    // Browsers that know light-dark(), <dialog> and :has() without help.
    target: ["chrome123", "edge123", "firefox121", "safari17.5"],
    // What is inlined is a data: URL, which the policy allows for images alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
